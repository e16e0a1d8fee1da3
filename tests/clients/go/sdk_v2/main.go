// The AWS SDK for Go v2, as programs on a node use it.
package main

import (
	"context"
	"errors"
	"io"

	"c2s-imds/clients/report"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	client := imds.NewFromConfig(cfg)
	metadata := func(path string) (string, error) {
		found, err := client.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
		if err != nil {
			return "", err
		}
		defer found.Content.Close()
		text, err := io.ReadAll(found.Content)
		return string(text), err
	}
	role := ec2rolecreds.New(func(options *ec2rolecreds.Options) {
		options.Client = client
	})
	report.Print(statusOf, []report.Question{
		{Name: "region", Ask: func() (any, error) {
			found, err := client.GetRegion(ctx, nil)
			if err != nil {
				return nil, err
			}
			return found.Region, nil
		}},
		{Name: "zone", Ask: func() (any, error) {
			return metadata("placement/availability-zone")
		}},
		{Name: "document", Ask: func() (any, error) {
			found, err := client.GetInstanceIdentityDocument(ctx, nil)
			if err != nil {
				return nil, err
			}
			return found.InstanceIdentityDocument, nil
		}},
		{Name: "role", Ask: func() (any, error) {
			return metadata("iam/security-credentials/")
		}},
		{Name: "credentials", Ask: func() (any, error) {
			found, err := role.Retrieve(ctx)
			return report.Credentials{
				AccessKey: found.AccessKeyID,
				SecretKey: found.SecretAccessKey,
				Token:     found.SessionToken,
			}, err
		}},
		{Name: "user_data", Ask: func() (any, error) {
			found, err := client.GetUserData(ctx, nil)
			if err != nil {
				return nil, err
			}
			defer found.Content.Close()
			return io.ReadAll(found.Content)
		}},
		{Name: "missing", Ask: func() (any, error) {
			return metadata("no/such/path")
		}},
	})
}

func statusOf(err error) int {
	var answered *smithyhttp.ResponseError
	if errors.As(err, &answered) {
		return answered.HTTPStatusCode()
	}
	return 0
}
