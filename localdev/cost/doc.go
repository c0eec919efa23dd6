// Package cost counts what each operation asks of AWS, at the SDK's boundary,
// and holds it against the budgets. `make cost` prints the table.
package cost
