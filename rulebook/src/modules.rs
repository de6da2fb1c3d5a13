//! The modules that this crate adds for JavaScript: `cla/rule` and `cla/reg`.

mod reg;
mod rule;

pub(crate) use reg::Reg;
pub(crate) use rule::Rule;

/// The type declarations, by file name.
///
/// ```
/// let (_, text) = cla_rulebook::TYPES.iter().find(|(file, _)| *file == "rule.d.ts").unwrap();
/// assert!(text.contains("declare module \"cla/rule\""));
/// ```
pub const TYPES: &[(&str, &str)] = &[
    ("reg.d.ts", include_str!("modules/reg.d.ts")),
    ("rule.d.ts", include_str!("modules/rule.d.ts")),
];
