package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	crdv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/rbac"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	rbacvalidation "k8s.io/kubernetes/pkg/apis/rbac/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	kyaml "sigs.k8s.io/yaml"
)

var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)

// create refuses what the API server would refuse, and warns of, of the
// objects on standard input: fields that no one knows, values that are not
// allowed, pods that their namespace does not admit. The arguments are files
// with the definitions of custom resources.
func create(files []string) error {
	schemas := map[string]*apiextensions.JSONSchemaProps{}
	for _, file := range files {
		if err := define(file, schemas); err != nil {
			return err
		}
	}
	var faults []error
	levels := map[string]api.Level{}
	reader := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	count := 0
	for ; ; count++ {
		text, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		name, err := judge(text, schemas, levels)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	fmt.Println(count)
	return errors.Join(faults...)
}

func define(file string, schemas map[string]*apiextensions.JSONSchemaProps) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var definition crdv1.CustomResourceDefinition
	if err := kyaml.Unmarshal(text, &definition); err != nil {
		return err
	}
	for _, version := range definition.Spec.Versions {
		internal := &apiextensions.JSONSchemaProps{}
		err := crdv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, internal, nil)
		if err != nil {
			return err
		}
		schemas[definition.Spec.Group+"/"+version.Name+" "+definition.Spec.Names.Kind] = internal
	}
	return nil
}

func judge(text []byte, schemas map[string]*apiextensions.JSONSchemaProps, levels map[string]api.Level) (string, error) {
	var fields map[string]any
	if err := kyaml.UnmarshalStrict(text, &fields); err != nil {
		return "", err
	}
	name := fmt.Sprintf("%v %v", fields["apiVersion"], fields["kind"])
	if properties := schemas[name]; properties != nil {
		return name, judgeCustom(fields, properties)
	}
	object, _, err := strict.UniversalDeserializer().Decode(text, nil, nil)
	if err != nil {
		return name, err
	}
	legacyscheme.Scheme.Default(object)
	internal, err := legacyscheme.Scheme.ConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return name, err
	}
	switch it := object.(type) {
	case *corev1.Namespace:
		levels[it.Name] = api.Level(it.Labels[api.EnforceLevelLabel])
	case *appsv1.DaemonSet:
		err = admit(it, levels[it.Namespace])
	}
	return name, errors.Join(err, validate(internal))
}

func validate(object runtime.Object) error {
	switch it := object.(type) {
	case *core.Namespace:
		return corevalidation.ValidateNamespace(it).ToAggregate()
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(it).ToAggregate()
	case *core.Service:
		// As the registry does before it validates.
		it.Spec.ClusterIPs = []string{it.Spec.ClusterIP}
		return corevalidation.ValidateServiceCreate(it).ToAggregate()
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(it).ToAggregate()
	case *rbac.Role:
		return rbacvalidation.ValidateRole(it).ToAggregate()
	case *rbac.RoleBinding:
		return rbacvalidation.ValidateRoleBinding(it).ToAggregate()
	case *rbac.ClusterRole:
		return rbacvalidation.ValidateClusterRole(it, rbacvalidation.ClusterRoleValidationOptions{}).ToAggregate()
	case *rbac.ClusterRoleBinding:
		return rbacvalidation.ValidateClusterRoleBinding(it).ToAggregate()
	case *apps.DaemonSet:
		template := &it.Spec.Template
		warnings := pod.GetWarningsForPodTemplate(context.Background(), nil, template, nil)
		if len(warnings) > 0 {
			return fmt.Errorf("warnings: %v", warnings)
		}
		options := pod.GetValidationOptionsFromPodTemplate(template, nil)
		return appsvalidation.ValidateDaemonSet(it, options).ToAggregate()
	}
	return fmt.Errorf("nobody judges %T", object)
}

// admit asks pod security admission, at the level of the namespace.
func admit(set *appsv1.DaemonSet, level api.Level) error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		return err
	}
	if level == "" {
		return fmt.Errorf("namespace %q says no level", set.Namespace)
	}
	template := set.Spec.Template
	at := api.LevelVersion{Level: level, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(at, &template.ObjectMeta, &template.Spec))
	if !result.Allowed {
		return errors.New(result.ForbiddenDetail())
	}
	return nil
}

func judgeCustom(fields map[string]any, properties *apiextensions.JSONSchemaProps) error {
	structural, err := schema.NewStructural(properties)
	if err != nil {
		return err
	}
	validator, _, err := crdvalidation.NewSchemaValidator(properties)
	if err != nil {
		return err
	}
	faults := crdvalidation.ValidateCustomResource(field.NewPath(""), fields, validator)
	unknown := pruning.PruneWithOptions(fields, structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		faults = append(faults, field.Invalid(field.NewPath(path), nil, "unknown field"))
	}
	return faults.ToAggregate()
}
