//! The host side of `wit/`, generated.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "plugin",
    imports: { default: trappable },
    with: { "guildhall:plugin/database.connection": super::imports::Connection },
});
