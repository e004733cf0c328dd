// Arrow's modules import each other in circles, and work in the order alone that Arrow's own entry gives them. A bundler
// that shares code between bundles orders it from what lies nearest to one of their entries: here, this one.
await import("apache-arrow");
