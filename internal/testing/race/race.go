// Package race tells tests whether the race detector is on: it allocates, so
// that budgets in allocations hold only without it.
package race
