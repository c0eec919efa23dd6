// Package handler implements the functions, callable in process: one file per
// function, and for the message function one table from action to method
// (message.go). It turns AWS events into calls of the domain packages, and their
// errors into codes for clients.
package handler
