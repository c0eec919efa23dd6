package lambda

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
)

// environ is the environment of a function's process: the variables that
// Lambda reserves, over those of the function
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
// AWS_EXECUTION_ENV is not set for provided.al2023. Region and credentials are
// the caller's part of f.Env.
func environ(f Function, taskRoot, runtimeAPI string) []string {
	all := map[string]string{ //nolint:gosec // names, and the credentials of a local stack
		"LANG": "en_US.UTF-8",
		"TZ":   ":UTC",
		"PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		// The developer's own configuration of the SDK must not be found by way
		// of the home directory.
		"AWS_CONFIG_FILE":             "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	}
	maps.Copy(all, f.Env)
	maps.Copy(all, map[string]string{
		"_HANDLER":                        path.Base(f.Binary),
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "local/[$LATEST]",
		"AWS_LAMBDA_RUNTIME_API":          runtimeAPI,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"LAMBDA_TASK_ROOT":                taskRoot,
	})
	if region := all["AWS_REGION"]; region != "" {
		all["AWS_DEFAULT_REGION"] = region
	}
	pairs := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		pairs = append(pairs, fmt.Sprintf("%s=%s", name, all[name]))
	}
	return pairs
}
