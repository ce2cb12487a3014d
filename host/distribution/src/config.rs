//! The config blob of a Wasm artifact: what the component imports and exports, for those who look before they fetch.

use serde::Serialize;
use std::time::SystemTime;
use wasmparser::{Parser, Payload};

/// `application/vnd.wasm.config.v0+json`, as the Wasm working group's artifact layout has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig {
    created: String,
    architecture: &'static str,
    os: &'static str,
    layer_digests: Vec<String>,
    component: Interfaces,
}

#[derive(Default, Serialize)]
struct Interfaces {
    exports: Vec<String>,
    imports: Vec<String>,
}

/// The config of an artifact with this component as its layer; an error says why it is no component.
pub(crate) fn config(wasm: &[u8], layer_digest: &str) -> Result<Vec<u8>, String> {
    let config = WasmConfig {
        created: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        architecture: "wasm",
        os: "wasip2",
        layer_digests: vec![layer_digest.to_owned()],
        component: interfaces(wasm)?,
    };
    serde_json::to_vec(&config).map_err(|error| error.to_string())
}

/// The names at the component's outermost level.
fn interfaces(wasm: &[u8]) -> Result<Interfaces, String> {
    if !Parser::is_component(wasm) {
        return Err("it does not begin as a component does".into());
    }
    let mut interfaces = Interfaces::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| error.to_string())? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    interfaces
                        .imports
                        .push(import.map_err(|error| error.to_string())?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    interfaces
                        .exports
                        .push(export.map_err(|error| error.to_string())?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(interfaces)
}
