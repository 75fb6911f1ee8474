// Package compose tests chains that are made of every guard: their order, their
// answers and their cost.
package compose
