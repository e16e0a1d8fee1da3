// The AWS SDK for Go v1, as programs on a node use it still.
package main

import (
	"errors"

	"c2s-imds/clients/report"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go/aws/ec2metadata"
	"github.com/aws/aws-sdk-go/aws/session"
)

func main() {
	client := ec2metadata.New(session.Must(session.NewSession()))
	role := credentials.NewCredentials(
		&ec2rolecreds.EC2RoleProvider{Client: client},
	)
	metadata := func(path string) func() (any, error) {
		return func() (any, error) { return client.GetMetadata(path) }
	}
	report.Print(statusOf, []report.Question{
		{Name: "region", Ask: func() (any, error) { return client.Region() }},
		{Name: "zone", Ask: metadata("placement/availability-zone")},
		{Name: "document", Ask: func() (any, error) {
			return client.GetInstanceIdentityDocument()
		}},
		{Name: "role", Ask: metadata("iam/security-credentials/")},
		{Name: "credentials", Ask: func() (any, error) {
			found, err := role.Get()
			return report.Credentials{
				AccessKey: found.AccessKeyID,
				SecretKey: found.SecretAccessKey,
				Token:     found.SessionToken,
			}, err
		}},
		{Name: "user_data", Ask: func() (any, error) {
			found, err := client.GetUserData()
			return []byte(found), err
		}},
		{Name: "missing", Ask: metadata("no/such/path")},
	})
}

func statusOf(err error) int {
	var answered awserr.RequestFailure
	if errors.As(err, &answered) {
		return answered.StatusCode()
	}
	return 0
}
