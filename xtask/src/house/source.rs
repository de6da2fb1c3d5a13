//! A crate's production code as the check reads it: its modules, what each imports, and the strings in it.
//!
//! Code below `#[cfg(test)]` is left out everywhere: tests may look anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Item, ItemMod, UseTree, Visibility};

/// A module's path within its crate; the root's is empty.
pub(super) type ModulePath = Vec<String>;

/// All modules of one crate.
pub(super) struct Crate {
    pub(super) modules: BTreeMap<ModulePath, Module>,
}

/// A module, in a file of its own or within its parent's.
pub(super) struct Module {
    /// Its file, from the repository's root.
    pub(super) file: PathBuf,
    /// What `use` brings into it.
    pub(super) uses: Vec<Use>,
    /// Paths in its code that begin with `crate`, `self` or `super`, or with the name of a child.
    paths: Vec<Vec<String>>,
    /// Names that are public here.
    pub(super) nouns: BTreeSet<String>,
    /// The documentation of those, and of the public methods of its types and traits (`Type::method`).
    pub(super) docs: BTreeMap<String, String>,
    /// Can a user of the crate name it, and does its documentation show it?
    pub(super) is_public: bool,
    /// The strings of its code.
    pub(super) strings: Vec<String>,
}

/// One name that `use` brings in.
pub(super) struct Use {
    pub(super) path: Vec<String>,
    /// The name that it has here; nothing for `*`.
    pub(super) name: Option<String>,
    pub(super) is_public: bool,
}

impl Crate {
    /// Reads the crate whose root is the file `root_file`.
    pub(super) fn read(root: &Path, root_file: &Path) -> Result<Self> {
        let mut read = Self {
            modules: BTreeMap::new(),
        };
        read.file(root, root_file, &Vec::new(), true)?;
        Ok(read)
    }

    fn file(&mut self, root: &Path, file: &Path, path: &ModulePath, is_public: bool) -> Result<()> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
        self.items(root, file, path, is_public, &parsed.items)
    }

    fn items(
        &mut self,
        root: &Path,
        file: &Path,
        path: &ModulePath,
        is_public: bool,
        items: &[Item],
    ) -> Result<()> {
        let mut module = Module {
            file: file.strip_prefix(root).unwrap_or(file).to_owned(),
            uses: Vec::new(),
            paths: Vec::new(),
            nouns: BTreeSet::new(),
            docs: BTreeMap::new(),
            is_public,
            strings: Vec::new(),
        };
        let mut children = Vec::new();
        for item in items {
            if is_test(attributes(item)) {
                continue;
            }
            match item {
                Item::Mod(child) => children.push(child),
                Item::Use(found) => {
                    let is_public = is_pub(&found.vis) && !is_hidden(&found.attrs);
                    leaves(&found.tree, &mut Vec::new(), &mut |path, name| {
                        module.uses.push(Use {
                            path,
                            name,
                            is_public,
                        });
                    });
                }
                _ => {
                    if let Some(name) = public_name(item) {
                        module.docs.insert(name.clone(), docs(attributes(item)));
                        module.nouns.insert(name);
                    }
                    module.docs.extend(methods(item));
                    Reader(&mut module).visit_item(item);
                }
            }
        }
        self.modules.insert(path.clone(), module);
        for child in children {
            let mut inner = path.clone();
            inner.push(child.ident.to_string());
            let is_public = is_public && is_pub(&child.vis) && !is_hidden(&child.attrs);
            match &child.content {
                Some((_, items)) => self.items(root, file, &inner, is_public, items)?,
                None => {
                    let file = file_of(file, path.is_empty(), child)?;
                    self.file(root, &file, &inner, is_public)?;
                }
            }
        }
        Ok(())
    }

    /// The module in which the thing lives that `path` names when it is written in `from`. Nothing if that is
    /// another crate's.
    pub(super) fn home(&self, from: &ModulePath, path: &[String]) -> Option<ModulePath> {
        self.home_within(from, path, 16)
    }

    fn home_within(&self, from: &ModulePath, path: &[String], depth: u8) -> Option<ModulePath> {
        // Names that are imported in a circle, which the compiler refuses anyhow.
        let depth = depth.checked_sub(1)?;
        let mut rest = path;
        let mut at = from.clone();
        match rest.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            first if self.is_module(&at, first) => {}
            _ => return None,
        }
        for (index, segment) in rest.iter().enumerate() {
            let mut child = at.clone();
            child.push(segment.clone());
            if self.modules.contains_key(&child) {
                at = child;
                continue;
            }
            let module = self.modules.get(&at)?;
            let import = module
                .uses
                .iter()
                .find(|import| import.name.as_ref() == Some(segment));
            let Some(import) = import else {
                return Some(at);
            };
            let mut whole = import.path.clone();
            whole.extend_from_slice(&rest[index + 1..]);
            return self.home_within(&at, &whole, depth);
        }
        Some(at)
    }

    fn is_module(&self, parent: &ModulePath, name: &str) -> bool {
        let mut child = parent.clone();
        child.push(name.to_owned());
        self.modules.contains_key(&child)
    }

    /// The files that each file imports from.
    pub(super) fn imports(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let mut imports: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (from, module) in &self.modules {
            let used = module.uses.iter().map(|import| &import.path);
            let to = imports.entry(&module.file).or_default();
            for path in used.chain(&module.paths) {
                let home = self.home(from, path);
                let Some(home) = home.and_then(|home| self.modules.get(&home)) else {
                    continue;
                };
                if home.file != module.file {
                    to.insert(&home.file);
                }
            }
        }
        imports
    }

    /// What the crate's users can name, as paths.
    pub(super) fn nouns(&self) -> BTreeSet<String> {
        let mut nouns = BTreeSet::new();
        for (path, module) in &self.modules {
            if !module.is_public {
                continue;
            }
            let at = |name: &str| {
                let mut whole = path.clone();
                whole.push(name.to_owned());
                whole.join("::")
            };
            nouns.extend(module.nouns.iter().map(|name| at(name)));
            for import in module.uses.iter().filter(|import| import.is_public) {
                match &import.name {
                    Some(name) => {
                        nouns.insert(at(name));
                    }
                    None => match self.home(path, &import.path) {
                        Some(home) if self.modules.contains_key(&home) => {
                            nouns.extend(self.modules[&home].nouns.iter().map(|name| at(name)));
                        }
                        _ => {
                            nouns.insert(at(&format!("{}::*", import.path.join("::"))));
                        }
                    },
                }
            }
        }
        nouns
    }

    /// The items of this crate that its users can name, each with the module in which it stands. Modules are none of them.
    pub(super) fn public_items(&self) -> BTreeSet<(&ModulePath, &str)> {
        let mut items = BTreeSet::new();
        for (path, module) in self.modules.iter().filter(|(_, module)| module.is_public) {
            items.extend(module.nouns.iter().map(|name| (path, name.as_str())));
            for import in module.uses.iter().filter(|import| import.is_public) {
                let home = self.home(path, &import.path);
                let Some((home, module)) = home.and_then(|home| self.modules.get_key_value(&home))
                else {
                    continue;
                };
                let is_wanted =
                    |name: &&String| import.name.is_none() || import.path.last() == Some(*name);
                let names = module.nouns.iter().filter(is_wanted);
                items.extend(names.map(|name| (home, name.as_str())));
            }
        }
        items
    }
}

/// The lines of a file that are code: no blank lines, no comments, no tests.
pub(super) fn lines_of_code(text: &str) -> Result<usize> {
    let parsed = syn::parse_file(text)?;
    let tests: Vec<_> = parsed
        .items
        .iter()
        .filter(|item| is_test(attributes(item)))
        .map(|item| item.span().start().line..=item.span().end().line)
        .collect();
    let code = text.lines().enumerate().filter(|(index, line)| {
        let line = line.trim();
        !line.is_empty()
            && !line.starts_with("//")
            && !tests.iter().any(|range| range.contains(&(index + 1)))
    });
    Ok(code.count())
}

/// The file of a module that is declared in `parent`.
fn file_of(parent: &Path, is_root: bool, child: &ItemMod) -> Result<PathBuf> {
    let folder = parent.parent().unwrap_or(Path::new(""));
    for attribute in &child.attrs {
        if attribute.path().is_ident("path")
            && let syn::Meta::NameValue(pair) = &attribute.meta
            && let syn::Expr::Lit(literal) = &pair.value
            && let syn::Lit::Str(path) = &literal.lit
        {
            return Ok(folder.join(path.value()));
        }
    }
    let folder = if is_root || parent.ends_with("mod.rs") {
        folder.to_owned()
    } else {
        parent.with_extension("")
    };
    let name = child.ident.to_string();
    for file in [
        folder.join(format!("{name}.rs")),
        folder.join(&name).join("mod.rs"),
    ] {
        if file.is_file() {
            return Ok(file);
        }
    }
    bail!("{}: no file for `mod {name};`", parent.display())
}

fn leaves(
    tree: &UseTree,
    path: &mut Vec<String>,
    leaf: &mut impl FnMut(Vec<String>, Option<String>),
) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            leaves(&step.tree, path, leaf);
            path.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, path, leaf);
            }
        }
        UseTree::Glob(_) => leaf(path.clone(), None),
        UseTree::Name(name) if name.ident == "self" => leaf(path.clone(), path.last().cloned()),
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            let mut whole = path.clone();
            whole.push(name.clone());
            leaf(whole, Some(name));
        }
        UseTree::Rename(rename) => {
            let mut whole = path.clone();
            if rename.ident != "self" {
                whole.push(rename.ident.to_string());
            }
            leaf(whole, Some(rename.rename.to_string()));
        }
    }
}

/// Collects the paths and the strings of an item, also those within macros.
struct Reader<'a>(&'a mut Module);

impl Reader<'_> {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => {
                    path.push(name.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                other => {
                    self.path(std::mem::take(&mut path));
                    colons = 0;
                    match other {
                        TokenTree::Ident(name) => path.push(name.to_string()),
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        TokenTree::Literal(literal) => {
                            if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                                self.0.strings.push(text.value());
                            }
                        }
                        TokenTree::Punct(_) => {}
                    }
                }
            }
        }
        self.path(path);
    }

    fn path(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.0.paths.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.path(segments.map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, found: &'ast syn::ItemUse) {
        leaves(&found.tree, &mut Vec::new(), &mut |path, _| {
            self.path(path);
        });
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.strings.push(literal.value());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // Documentation may name what it likes.
        if !attribute.path().is_ident("doc") {
            syn::visit::visit_attribute(self, attribute);
        }
    }

    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        self.visit_path(&found.path);
        self.tokens(found.tokens.clone());
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

fn is_pub(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    has(attributes, "doc", "hidden")
}

/// Is this code of tests alone?
fn is_test(attributes: &[Attribute]) -> bool {
    has(attributes, "cfg", "test") || attributes.iter().any(|found| found.path().is_ident("test"))
}

fn has(attributes: &[Attribute], name: &str, word: &str) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident(name)
            && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string().trim() == word)
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name of an item that is `pub` and documented.
fn public_name(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    (is_pub(visibility) && !is_hidden(attributes(item))).then(|| name.to_string())
}

/// The public methods of a type, or the methods of a trait, each with its documentation.
fn methods(item: &Item) -> Vec<(String, String)> {
    let named = |of: &dyn std::fmt::Display, name: &syn::Ident, attributes: &[Attribute]| {
        (format!("{of}::{name}"), docs(attributes))
    };
    match item {
        Item::Impl(block) => {
            let syn::Type::Path(path) = &*block.self_ty else {
                return Vec::new();
            };
            let Some(of) = path.path.segments.last() else {
                return Vec::new();
            };
            let methods = block.items.iter().filter_map(|item| match item {
                syn::ImplItem::Fn(method) if is_pub(&method.vis) => {
                    Some(named(&of.ident, &method.sig.ident, &method.attrs))
                }
                _ => None,
            });
            methods.collect()
        }
        Item::Trait(of) => {
            let methods = of.items.iter().filter_map(|item| match item {
                syn::TraitItem::Fn(method) => {
                    Some(named(&of.ident, &method.sig.ident, &method.attrs))
                }
                _ => None,
            });
            methods.collect()
        }
        _ => Vec::new(),
    }
}

/// The documentation as it is written.
fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        match &pair.value {
            syn::Expr::Lit(literal) if pair.path.is_ident("doc") => match &literal.lit {
                syn::Lit::Str(line) => Some(line.value()),
                _ => None,
            },
            _ => None,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
