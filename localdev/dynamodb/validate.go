package dynamodb

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// checks gathers violated constraints of a request's members, which DynamoDB
// reports together.
type checks struct{ failed []string }

// enum refuses a value outside a set; an empty value is an absent member.
func (c *checks) enum(member, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		c.fail(value, member, "Member must satisfy enum value set: [%s]", strings.Join(allowed, ", "))
	}
}

func (c *checks) atLeast(member string, value *int, low int) {
	if value != nil && *value < low {
		c.fail(fmt.Sprint(*value), member, "Member must have value greater than or equal to %d", low)
	}
}

func (c *checks) atMost(member string, value *int, high int) {
	if value != nil && *value > high {
		c.fail(fmt.Sprint(*value), member, "Member must have value less than or equal to %d", high)
	}
}

// length refuses a list with too few or too many members.
func (c *checks) length(member string, length, low, high int) {
	switch {
	case length == 0 && low > 0:
		c.fail("[]", member, "Member must have length greater than or equal to %d", low)
	case length < low:
		c.fail(fmt.Sprintf("[%d members]", length), member, "Member must have length greater than or equal to %d", low)
	case length > high:
		c.fail(fmt.Sprintf("[%d members]", length), member, "Member must have length less than or equal to %d", high)
	}
}

func (c *checks) present(member string, is bool) {
	if !is {
		c.failed = append(c.failed, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", member))
	}
}

func (c *checks) fail(value, member, format string, args ...any) {
	c.failed = append(c.failed, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: ", value, member)+fmt.Sprintf(format, args...))
}

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)

// table checks the name of a table in a request about its items.
func (c *checks) table(member string, value tableName) {
	if value == emptyName {
		c.fail("", member, "Member must have length greater than or equal to 1")
		return
	}
	if strings.HasPrefix(string(value), "arn:") {
		return // of a table that is not here
	}
	c.name(member, string(value))
}

// name checks the name of a table or an index.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html#HowItWorks.NamingRules
func (c *checks) name(member, value string) {
	if value == "" {
		c.present(member, false)
		return
	}
	if !namePattern.MatchString(value) {
		c.fail(value, member, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	}
	if len(value) < 3 {
		c.fail(value, member, "Member must have length greater than or equal to 3")
	}
	if len(value) > 255 {
		c.fail(value, member, "Member must have length less than or equal to 255")
	}
}

func (c *checks) capacity(value string) {
	c.enum("returnConsumedCapacity", value, capacityIndexes, capacityTotal, choiceNone)
}

// metrics refuses ReturnItemCollectionMetrics SIZE, which the engine cannot
// answer.
func (c *checks) metrics(value string) {
	c.enum("returnItemCollectionMetrics", value, choiceNone)
}

func (c *checks) err() error {
	switch len(c.failed) {
	case 0:
		return nil
	case 1:
		return invalid("%s", "1 validation error detected: "+c.failed[0])
	}
	return invalid("%d validation errors detected: %s", len(c.failed), strings.Join(c.failed, "; "))
}
