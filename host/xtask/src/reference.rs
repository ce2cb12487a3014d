//! The contract as a page to read: `docs/plugin-contract.md`, made from `wit/`.

use crate::cargo::workspace;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::Path;
use wit_parser::{
    Case, Docs, EnumCase, Field, Flag, Function, FunctionKind, Handle, Interface, Resolve, Type, TypeDef, TypeDefKind,
    TypeId, TypeOwner, WorldItem,
};

const PAGE: &str = "docs/plugin-contract.md";

/// Writes the page.
pub(crate) fn write() -> Result<()> {
    let page = workspace().join(PAGE);
    std::fs::write(&page, render(&workspace().join("wit"))?)
        .with_context(|| format!("{} cannot be written", page.display()))?;
    println!("{PAGE} is what wit/ says");
    Ok(())
}

fn render(directory: &Path) -> Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(directory)
        .with_context(|| format!("{} is no WIT package", directory.display()))?;
    let world = &resolve.worlds[resolve.select_world(&[package], None)?];
    let mut page = format!(
        "# The contract\n\n`{}`, world `{}`. Made from [wit/](../wit/) by `cargo xtask reference`: change that, not this page.\n\
         [Writing a plugin](plugin-guide.md) says how to use it.\n",
        resolve.packages[package].name, world.name
    );
    paragraph(&mut page, &world.docs);
    page.push_str("\n## What a plugin exports\n");
    for item in world.exports.values() {
        if let WorldItem::Function(function) = item {
            function_section(&mut page, &resolve, None, function);
        }
    }
    for item in world.imports.values() {
        if let WorldItem::Interface { id, .. } = item {
            interface_section(&mut page, &resolve, &resolve.interfaces[*id]);
        }
    }
    Ok(page)
}

fn interface_section(page: &mut String, resolve: &Resolve, interface: &Interface) {
    let name = interface.name.as_deref().unwrap_or_default();
    let _ = write!(page, "\n## Interface {name}\n");
    paragraph(page, &interface.docs);
    let free = |function: &&Function| function.kind == FunctionKind::Freestanding;
    for function in interface.functions.values().filter(free) {
        function_section(page, resolve, Some(name), function);
    }
    for id in interface.types.values() {
        let defined = &resolve.types[*id];
        if is_used_from_elsewhere(resolve, defined) {
            continue;
        }
        type_section(page, resolve, name, defined);
        let methods = interface.functions.values();
        for method in methods.filter(|function| function.kind.resource() == Some(*id)) {
            function_section(page, resolve, Some(name), method);
        }
    }
}

/// `use types.{id}` defines a name for it, too.
fn is_used_from_elsewhere(resolve: &Resolve, defined: &TypeDef) -> bool {
    matches!(defined.kind, TypeDefKind::Type(Type::Id(original)) if resolve.types[original].owner != defined.owner)
}

fn function_section(page: &mut String, resolve: &Resolve, interface: Option<&str>, function: &Function) {
    let is_method = function.kind.resource().is_some();
    let owner = match function.kind.resource().and_then(|id| resolve.types[id].name.clone()) {
        Some(resource) => format!("{resource}."),
        None => interface.map(|name| format!("{name}.")).unwrap_or_default(),
    };
    let _ = write!(page, "\n### {owner}{}\n", function.item_name());
    paragraph(page, &function.docs);
    // The first parameter of a method is the resource.
    let parameters = function.params.iter().skip(usize::from(is_method));
    let parameters: Vec<_> = parameters
        .map(|parameter| format!("{}: {}", parameter.name, type_name(resolve, &parameter.ty)))
        .collect();
    let result = function
        .result
        .as_ref()
        .map(|result| format!(" → {}", type_name(resolve, result)));
    let _ = write!(page, "\n({}){}\n", parameters.join(", "), result.unwrap_or_default());
}

fn type_section(page: &mut String, resolve: &Resolve, interface: &str, defined: &TypeDef) {
    let name = defined.name.as_deref().unwrap_or_default();
    let _ = write!(page, "\n### {interface}.{name}\n");
    paragraph(page, &defined.docs);
    match &defined.kind {
        TypeDefKind::Record(record) => {
            let row = |field: &Field| [code(&field.name), type_name(resolve, &field.ty), one_line(&field.docs)];
            table(page, ["field", "type", ""], record.fields.iter().map(row));
        }
        TypeDefKind::Variant(variant) => {
            let carried = |case: &Case| case.ty.as_ref().map(|ty| type_name(resolve, ty)).unwrap_or_default();
            let row = |case: &Case| [code(&case.name), carried(case), one_line(&case.docs)];
            table(page, ["case", "with", ""], variant.cases.iter().map(row));
        }
        TypeDefKind::Enum(cases) => {
            let row = |case: &EnumCase| [code(&case.name), one_line(&case.docs)];
            table(page, ["one of", ""], cases.cases.iter().map(row));
        }
        TypeDefKind::Flags(flags) => {
            let row = |flag: &Flag| [code(&flag.name), one_line(&flag.docs)];
            table(page, ["any of", ""], flags.flags.iter().map(row));
        }
        TypeDefKind::Type(other) => {
            let _ = write!(page, "\nA {}.\n", type_name(resolve, other));
        }
        _ => {}
    }
}

fn table<const COLUMNS: usize>(
    page: &mut String,
    head: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) {
    let _ = write!(page, "\n| {} |\n|{}\n", head.join(" | "), " --- |".repeat(COLUMNS));
    for row in rows {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
}

/// A type; those of the contract lead to their sections.
fn type_name(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else {
        return format!("{ty:?}").to_lowercase();
    };
    let defined = original(resolve, *id);
    if let (Some(name), TypeOwner::Interface(owner)) = (&defined.name, defined.owner) {
        let interface = resolve.interfaces[owner].name.as_deref().unwrap_or_default();
        return format!("[{name}](#{interface}{name})");
    }
    let inner = |ty: &Type| type_name(resolve, ty);
    let either = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "\\_".to_owned(), inner);
    match &defined.kind {
        TypeDefKind::Option(some) => format!("option\\<{}\\>", inner(some)),
        TypeDefKind::List(item) => format!("list\\<{}\\>", inner(item)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<_> = tuple.types.iter().map(inner).collect();
            format!("tuple\\<{}\\>", types.join(", "))
        }
        TypeDefKind::Result(result) => format!("result\\<{}, {}\\>", either(&result.ok), either(&result.err)),
        TypeDefKind::Handle(Handle::Own(resource)) => type_name(resolve, &Type::Id(*resource)),
        TypeDefKind::Handle(Handle::Borrow(resource)) => {
            format!("borrow\\<{}\\>", type_name(resolve, &Type::Id(*resource)))
        }
        other => other.as_str().to_owned(),
    }
}

/// The type behind names that `use` gave it.
fn original(resolve: &Resolve, id: TypeId) -> &TypeDef {
    let defined = &resolve.types[id];
    match defined.kind {
        TypeDefKind::Type(Type::Id(other)) if is_used_from_elsewhere(resolve, defined) => original(resolve, other),
        _ => defined,
    }
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

fn paragraph(page: &mut String, docs: &Docs) {
    if docs.contents.is_some() {
        let _ = write!(page, "\n{}\n", one_line(docs));
    }
}

/// As one line, which a table's cell must be.
fn one_line(docs: &Docs) -> String {
    let words = docs.contents.as_deref().unwrap_or_default().split_whitespace();
    words.collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_contract_says() {
        let page = std::fs::read_to_string(workspace().join(PAGE)).expect("the page");
        let rendered = render(&workspace().join("wit")).expect("a WIT package");
        assert!(
            page == rendered,
            "{PAGE} is not what wit/ says; run `cargo xtask reference`"
        );
    }

    #[test]
    fn links_lead_to_sections() {
        let rendered = render(&workspace().join("wit")).expect("a WIT package");
        let anchors: Vec<String> = rendered
            .lines()
            .filter_map(|line| line.strip_prefix("### "))
            .map(|heading| heading.replace('.', ""))
            .collect();
        for link in rendered.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(anchors.iter().any(|anchor| anchor == link), "nothing is at #{link}");
        }
    }
}
