//go:build infra

package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/jsii-runtime-go"
)

// addDomain serves the API under a name of one's own, at its root. The DNS
// record is left to whoever owns the zone: a CNAME or alias to the output
// DomainTarget. Functions keep to the API's own name for @connections, which
// works whatever the mapping.
func (a *application) addDomain() {
	if a.options.CustomDomain == "" {
		return
	}
	a.gateway.domain = awsapigatewayv2.NewDomainName(a.stack, jsii.String("domain"), &awsapigatewayv2.DomainNameProps{
		DomainName: jsii.String(a.options.CustomDomain),
		Certificate: awscertificatemanager.Certificate_FromCertificateArn(a.stack, jsii.String("certificate"),
			jsii.String(a.options.CertificateARN)),
		EndpointType:   awsapigatewayv2.EndpointType_REGIONAL,
		SecurityPolicy: awsapigatewayv2.SecurityPolicy_TLS_1_2,
	})
	awsapigatewayv2.NewApiMapping(a.stack, jsii.String("domain-mapping"), &awsapigatewayv2.ApiMappingProps{
		Api: a.gateway.api, DomainName: a.gateway.domain, Stage: a.gateway.stage,
	})
}

func (a *application) addOutputs() {
	url := *a.gateway.stage.Url()
	if a.gateway.domain != nil {
		url = "wss://" + a.options.CustomDomain
		output(a.stack, "DomainTarget", a.gateway.domain.RegionalDomainName(), "What the DNS record of the custom domain points to")
	}
	output(a.stack, "Url", jsii.String(url), "Where clients connect")
	output(a.stack, "ManagementEndpoint", a.gateway.stage.CallbackUrl(), "Where @connections is called")
	output(a.stack, "DeadLetterQueue", a.wake.deadLetters.QueueUrl(), "Wake-ups that wait for the sweeper")
}
