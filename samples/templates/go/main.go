// The host calls the component's exports, which the generated bindings hand on to the package export_wit_world.
package main

import _ "__id__/bindings/wit_exports"

func main() {}
