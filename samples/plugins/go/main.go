// Keyword strikes: a message with a keyword is deleted and costs a strike, and too many strikes are a timeout.
//
// The host calls the component's exports, which the generated bindings hand on to the package export_wit_world.
package main

import _ "keyword-strikes/bindings/wit_exports"

func main() {}
