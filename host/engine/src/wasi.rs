//! The little of WASI that language runtimes import: clocks, random numbers, an empty environment and standard
//! streams. Files and sockets are never linked: a component that imports them loads, and traps when it calls.

use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWrite;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasData, Linker, ResourceTable, ResourceType, Val};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{self, cli, clocks, random};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, OutputStream, Pollable, StreamResult};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView, async_trait};

/// Bytes of standard output and error of one call; the rest is dropped.
const OUTPUT_BYTES: usize = 16 << 10;

/// A store's WASI state, built only when the component asks for it.
#[derive(Default)]
pub(crate) struct WasiState {
    context: Option<(WasiCtx, Output)>,
}

impl WasiState {
    pub(crate) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiCtxView<'a> {
        let (context, _) = self.context.get_or_insert_with(|| {
            let output = Output::default();
            let context = WasiCtx::builder().stdout(output.clone()).stderr(output.clone()).build();
            (context, output)
        });
        WasiCtxView { ctx: context, table }
    }

    /// What the component has written since this was asked last; a language's runtime explains a panic so.
    pub(crate) fn take_output(&mut self) -> Option<String> {
        let (_, output) = self.context.as_ref()?;
        let written = std::mem::take(&mut *output.0.lock().unwrap_or_else(PoisonError::into_inner));
        (!written.is_empty()).then(|| String::from_utf8_lossy(&written).into_owned())
    }
}

/// Standard output and error together, emptied after every call.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = OUTPUT_BYTES - written.len();
        written.extend(bytes.iter().take(room));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(OUTPUT_BYTES)
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for it, which is not offered.
        Box::new(MemoryOutputPipe::new(0))
    }
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links what is offered, and traps for whatever else of WASI this component imports.
pub(crate) fn add_to_linker<T: WasiView + 'static>(
    linker: &mut Linker<T>,
    component: &Component,
) -> wasmtime::Result<()> {
    clocks::wall_clock::add_to_linker::<T, WasiClocks>(linker, T::clocks)?;
    clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(linker, T::clocks)?;
    random::random::add_to_linker::<T, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<T, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    cli::exit::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::environment::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stdin::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stdout::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stderr::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_input::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_output::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stdin::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stdout::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stderr::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    bindings::sync::io::error::add_to_linker::<T, HasTable>(linker, |state| state.ctx().table)?;
    bindings::sync::io::poll::add_to_linker::<T, HasTable>(linker, |state| state.ctx().table)?;
    bindings::sync::io::streams::add_to_linker::<T, HasTable>(linker, |state| state.ctx().table)?;
    refuse_the_rest(linker, component)
}

/// Interfaces that are linked above, whatever 0.2 version a component names.
const OFFERED: [&str; 4] = ["wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:io/"];

/// Whether calling an interface of this name traps.
pub(crate) fn is_refused(name: &str) -> bool {
    name.starts_with("wasi:") && !OFFERED.iter().any(|offered| name.starts_with(offered))
}

/// Every other interface of WASI can be imported, and traps when it is called: a language's runtime may never call it.
fn refuse_the_rest<T: 'static>(linker: &mut Linker<T>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (name, import) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            continue;
        };
        if !is_refused(name) {
            continue;
        }
        let mut refused = linker.instance(name)?;
        for (item, export) in interface.exports(&engine) {
            match export.ty {
                // The answer of a world without directories; the adapters of C and Go ask before they write a line.
                ComponentItem::ComponentFunc(_) if item == "get-directories" => {
                    refused.func_new(item, |_, _, _, results| {
                        results[0] = Val::List(Vec::new());
                        Ok(())
                    })?;
                }
                ComponentItem::ComponentFunc(_) => {
                    let function = format!("{name}#{item}");
                    refused.func_new(item, move |_, _, _, _| {
                        Err(wasmtime::Error::msg(format!("`{function}` is not offered to plugins")))
                    })?;
                }
                ComponentItem::Resource(_) => {
                    refused.resource(item, resource_type(item), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Other interfaces use resources of `wasi:io`, which must be those that are offered; nobody can hold one of the rest.
fn resource_type(name: &str) -> ResourceType {
    match name {
        "error" => ResourceType::host::<bindings::sync::io::error::Error>(),
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        "pollable" => ResourceType::host::<DynPollable>(),
        _ => ResourceType::host::<()>(),
    }
}
