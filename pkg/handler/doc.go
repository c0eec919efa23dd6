// Package handler is what each function does, callable in process: one file
// per function, and for the message function one table from action to method
// (message.go). It turns events of AWS into calls of the domain packages, and
// their errors into codes for clients.
package handler
