// Package proxy tries both SDKs behind real nginx and HAProxy, with the sample
// configurations of this folder. Its tests take minutes, so they run by
// `make test-proxies` only.
package proxy
