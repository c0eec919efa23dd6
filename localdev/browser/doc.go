// Package browser tests the page and the TypeScript SDK where they live: in
// headless Chromium, against the stack and the console as `make dev` puts them
// together, on free ports. Where there is no Chromium the tests say so and are
// skipped. Screenshots are left in build/screenshots.
package browser
