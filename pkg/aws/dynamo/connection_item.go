package dynamo

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// leftover is the time after a connection's start at which TTL deletes its item
// if everything else failed: the two hours that a connection may last, and a day.
const leftover = 26 * time.Hour

// connectionItem returns a connection's attributes without its key.
func connectionItem(c connection.Connection) (item, error) {
	i := item{}
	i["a"], i["ck"] = millis(c.ConnectedAt), millis(c.CheckAt)
	i[TTLAttribute] = seconds(c.ConnectedAt.Add(leftover))
	if c.Authenticated() {
		identity, err := identityItem(c.Identity)
		if err != nil {
			return nil, err
		}
		maps.Copy(i, identity)
	}
	if !c.TokenAt.IsZero() {
		i["ta"] = millis(c.TokenAt)
	}
	if c.Session != "" {
		i["ss"] = text(c.Session)
	}
	rooms := item{}
	for name, at := range c.Rooms {
		rooms[name] = millis(at)
	}
	i["r"] = &types.AttributeValueMemberM{Value: rooms} // even if empty, because rooms are set inside it
	if !c.JoinedAt.IsZero() {
		i["ja"] = millis(c.JoinedAt)
	}
	if c.Regrants != 0 {
		i["pn"] = number(c.Regrants)
	}
	if c.Carried != 0 {
		i["pc"] = number(c.Carried)
	}
	if c.Strikes != 0 {
		i["st"] = number(c.Strikes)
	}
	for name, behind := range c.Behind {
		i[behindPrefix+name] = behindItem(behind)
	}
	if c.Sentence != 0 {
		i["bc"] = number(c.Sentence)
	}
	if c.Closing {
		i["cl"] = yes()
	}
	return i, nil
}

// identityItem returns an identity's attributes.
func identityItem(id auth.Identity) (item, error) {
	i := item{"u": text(id.User)}
	if !id.Issued.IsZero() {
		i["ti"] = millis(id.Issued)
	}
	if !id.Expires.IsZero() {
		i["tx"] = millis(id.Expires)
	}
	if id.Permissions != nil {
		b, err := json.Marshal(id.Permissions, json.Deterministic(true))
		if err != nil {
			return nil, fmt.Errorf("encode permissions: %w", err)
		}
		i["p"] = text(string(b))
	}
	return i, nil
}

// connectionOf reads a connection. Unreadable attributes permit nothing.
func connectionOf(i item) connection.Connection {
	return connection.Connection{
		ID: textOf(i, SortKey), Identity: identityOf(i), TokenAt: timeOf(i, "ta"), Session: textOf(i, "ss"), ConnectedAt: timeOf(i, "a"),
		Rooms: roomsOf(i), JoinedAt: timeOf(i, "ja"), Regrants: int(numberOf(i, "pn")), Carried: int(numberOf(i, "pc")),
		CheckAt: timeOf(i, "ck"), Strikes: int(numberOf(i, "st")), Behind: behindOf(i), Sentence: int(numberOf(i, "bc")),
		Closing: i["cl"] != nil,
	}
}

// roomsOf reads the rooms. A room with an unreadable time counts as joined long
// ago, so that any leave drops it.
func roomsOf(i item) map[string]time.Time {
	in := mapOf(i, "r")
	if len(in) == 0 {
		return nil
	}
	rooms := make(map[string]time.Time, len(in))
	for name := range in {
		rooms[name] = timeOf(in, name)
	}
	return rooms
}

// behindPrefix begins the names of the attributes that record in which rooms the
// connection is behind. They are separate attributes rather than a map, so that
// the first needs no other write before it.
const behindPrefix = "b#"

func behindItem(b connection.Behind) types.AttributeValue {
	return &types.AttributeValueMemberM{Value: item{"j": millis(b.JoinedAt), "t": millis(b.At)}}
}

// behindOf reads in which rooms a connection is behind. A record with unreadable
// times counts as one for the connection's latest join of the room.
func behindOf(i item) map[string]connection.Behind {
	var behind map[string]connection.Behind
	for name := range i {
		room, ok := strings.CutPrefix(name, behindPrefix)
		if !ok {
			continue
		}
		if behind == nil {
			behind = map[string]connection.Behind{}
		}
		record := mapOf(i, name)
		b := connection.Behind{JoinedAt: timeOf(record, "j"), At: timeOf(record, "t")}
		if b.JoinedAt.IsZero() {
			b.JoinedAt = timeOf(mapOf(i, "r"), room)
		}
		behind[room] = b
	}
	return behind
}

// identityOf reads an identity. A user that is not text counts as none,
// unreadable permissions grant nothing, and an unreadable expiry has passed.
func identityOf(i item) auth.Identity {
	id := auth.Identity{User: textOf(i, "u"), Issued: timeOf(i, "ti"), Expires: timeOf(i, "tx")}
	if i["tx"] != nil && id.Expires.IsZero() {
		id.Expires = time.Unix(0, 0).UTC()
	}
	if i["p"] == nil {
		return id
	}
	if err := json.Unmarshal([]byte(textOf(i, "p")), &id.Permissions); err != nil || id.Permissions == nil {
		id.Permissions = auth.Permissions{}
	}
	return id
}
