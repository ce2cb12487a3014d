//! Which contracts are understood, whole, and what is said of others.

use crate::support::*;
use guildhall_engine::{LoadError, RuntimeConfig};
use guildhall_model::{ANY_TOPIC, EventKind};
use std::path::Path;
use tempfile::TempDir;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// A component that imports all of the contract in `wit/` (a directory below it), and traps when it is called; every text
/// `from` in it is `to`.
fn dummy(below: &str, from: &str, to: &str) -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit").join(below);
    for file in ["types.wit", "events.wit", "imports.wit", "world.wit"] {
        let text = std::fs::read_to_string(contract.join(file)).unwrap();
        std::fs::write(directory.path().join(file), text.replace(from, to)).unwrap();
    }
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(directory.path()).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

fn refused(wasm: &[u8]) -> LoadError {
    load(wasm, &RuntimeConfig::default()).err().unwrap()
}

#[test]
fn every_function_and_type_of_both_contracts_is_there() {
    for below in ["", "0.1.0"] {
        // It was linked, and then it trapped.
        let error = refused(&dummy(below, "", ""));
        assert!(matches!(error, LoadError::Describe(_)), "{below}: {error}");
        assert!(error.to_string().contains("unreachable"), "{below}: {error}");
    }
}

#[test]
fn a_newer_patch_of_a_contract_that_only_says_the_same_is_understood() {
    let error = refused(&dummy("", "@0.2.0", "@0.2.1"));
    assert!(matches!(error, LoadError::Describe(_)), "{error}");
}

#[test]
fn other_contracts_are_named() {
    let error = refused(&dummy("", "@0.2.0", "@0.3.0")).to_string();
    assert!(
        error.contains("guildhall:plugin@0.3.0") && error.contains("build it for 0.2.0"),
        "{error}"
    );
    let error = refused(&dummy("", "record timer {", "record timer { more: u8,")).to_string();
    assert!(error.contains("not a plugin of guildhall:plugin@0.2.0"), "{error}");
    let error = refused(&dummy("", "guildhall:plugin", "another:bot")).to_string();
    assert!(error.contains("imports nothing of it"), "{error}");
    let error = refused(b"\0asm\x0d\0\x01\0").to_string();
    assert!(error.contains("imports nothing of it"), "{error}");
}

#[test]
fn plugins_of_contract_0_1_0_are_described_in_the_present_one() {
    for (name, id) in [
        ("contract-0.1.0/honeypot", "honeypot"),
        ("contract-0.1.0/spam_guard", "spam-guard"),
    ] {
        let plugin = load(&built(name), &RuntimeConfig::default()).unwrap();
        let description = plugin.description();
        assert_eq!((description.id.as_str(), description.version.as_str()), (id, "0.1.0"));
        assert_eq!(description.migrations.len(), 2);
        assert!(plugin.handles(EventKind::MessageCreate));
        assert!(description.emits.contains(ANY_TOPIC));
    }
}
