//! What was probably meant by a name that is not known.

/// A longer name, in bytes, is no misspelling: comparing takes time for each pair of its characters and another's.
const MOST_COMPARED: usize = 128;

/// Of 1; less looks arbitrary to people.
const ALIKE: f64 = 0.8;

/// Of shorter names, in bytes, any differs from many others in one letter.
const SHORT: usize = 3;

/// The one of `known` that was probably meant by `name`, if one is alike. Upper and lower case do not matter.
///
/// ```
/// assert_eq!(cla_runtime::internal::nearest("deplyo", ["deploy", "prod-db"]), Some("deploy"));
/// assert_eq!(cla_runtime::internal::nearest("zebra", ["deploy", "prod-db"]), None);
/// ```
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > MOST_COMPARED {
        return None;
    }
    let name = name.to_lowercase();
    let likeness = |other: &str| {
        let other = other.to_lowercase();
        // One letter too many, missing, wrong, or in its neighbour's place.
        let is_slip = name.len() >= SHORT && strsim::osa_distance(&name, &other) == 1;
        if is_slip {
            1.0
        } else {
            strsim::jaro_winkler(&name, &other)
        }
    };
    known
        .into_iter()
        .map(|other| (likeness(other), other))
        .filter(|(similarity, _)| *similarity > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}
