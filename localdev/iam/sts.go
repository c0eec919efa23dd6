package iam

import (
	"net/http"
	"net/url"

	"github.com/gapless-rooms/gapless/localdev/service"
)

// STS answers GetCallerIdentity, with which people and tools find out who they
// are (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
// Any other action is refused with InvalidAction.
//
// caller is the ARN of the caller with an access key; empty for one that it does
// not know, who is the account's root.
func STS(accountID string, ids *service.IDs, caller func(accessKey string) string) http.Handler {
	const maxRequest = 64 << 10
	return &service.Query{
		Namespace: "https://sts.amazonaws.com/doc/2011-06-15/", MaxRequest: maxRequest, RequestID: ids.UUID,
		Do: func(r *http.Request, action string, _ url.Values) (any, error) {
			if action != "GetCallerIdentity" {
				return nil, &service.Error{Service: "sts", Code: "InvalidAction", Message: "the local AWS does not support the STS action " + action}
			}
			key, _, _ := service.Signed(r)
			arn := caller(key)
			if arn == "" {
				arn = "arn:aws:iam::" + accountID + ":root"
			}
			return struct {
				Arn     string `xml:"Arn"`
				UserID  string `xml:"UserId"`
				Account string `xml:"Account"`
			}{arn, key, accountID}, nil
		},
	}
}
