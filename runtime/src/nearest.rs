//! What was probably meant by a name that is not known.

/// A longer name, in bytes, is no misspelling: comparing takes time for each pair of its characters and another's.
const MOST_COMPARED: usize = 128;

/// Of 1; less looks arbitrary to people.
const ALIKE: f64 = 0.8;

/// The one of `known` that was probably meant by `name`, if one is alike. Upper and lower case do not matter.
///
/// ```
/// assert_eq!(cla_runtime::nearest("deplyo", ["deploy", "prod-db"]), Some("deploy"));
/// assert_eq!(cla_runtime::nearest("zebra", ["deploy", "prod-db"]), None);
/// ```
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > MOST_COMPARED {
        return None;
    }
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|other| (strsim::jaro_winkler(&name, &other.to_lowercase()), other))
        .filter(|(similarity, _)| *similarity > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}
