// Package status has the texts of a refusal's status.
package status

import "net/http"

// Title is the standard text of a status.
func Title(code int) string {
	if text := http.StatusText(code); text != "" {
		return text
	}
	return "Error"
}

// Message is the default sentence of a status, for clients.
func Message(code int) string {
	switch code {
	case http.StatusBadRequest:
		return "The request is malformed"
	case http.StatusUnauthorized:
		return "Authentication required"
	case http.StatusForbidden:
		return "Access denied"
	case http.StatusNotFound:
		return "Not found"
	case http.StatusRequestEntityTooLarge:
		return "The request is too large"
	case http.StatusTooManyRequests:
		return "Too many requests. Try again later."
	case http.StatusServiceUnavailable:
		return "The service is unavailable. Try again later."
	case http.StatusInternalServerError:
		return "The request could not be processed"
	}
	if text := http.StatusText(code); text != "" {
		return text
	}
	return "The request was refused"
}

// Code is the default short name of a status, for machines.
func Code(code int) string {
	switch code {
	case http.StatusBadRequest:
		return "bad_request"
	case http.StatusUnauthorized:
		return "credentials_missing"
	case http.StatusForbidden:
		return "access_denied"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusMethodNotAllowed:
		return "method_not_allowed"
	case http.StatusConflict:
		return "conflict"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusUnprocessableEntity:
		return "validation_failed"
	case http.StatusTooManyRequests:
		return "rate_limited"
	case http.StatusInternalServerError:
		return "internal_error"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	return "refused"
}
