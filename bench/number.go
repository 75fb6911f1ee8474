package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// number formats v with three significant digits and no trailing zeros.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return trim(fmt.Sprintf("%.1f", v))
	case a >= 1:
		return trim(fmt.Sprintf("%.2f", v))
	case a < 1e-9:
		return "0"
	default:
		return trim(fmt.Sprintf("%.4f", v))
	}
}

func trim(s string) string {
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// roundNearInteger rounds a value that is within 0.05 of an integer.
func roundNearInteger(v float64) float64 {
	if near := math.Round(v); math.Abs(v-near) < 0.05 {
		return near
	}
	return v
}

// significant rounds v to so many significant digits.
func significant(v float64, digits int) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits-1, 64), 64)
	return rounded
}
