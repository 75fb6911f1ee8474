// Package arch tests the shape of the module: who imports whom, what it
// requires, how many names it exports, and the words it uses.
package arch
