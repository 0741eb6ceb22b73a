//! Patterns for case-insensitive search.

/// Returns a regular expression of PostgreSQL that finds this text without regard to case, in letters of any script. The
/// database's own case-insensitive search depends on the locale, which is `C` here, and would know ASCII only.
#[must_use]
pub fn ignoring_case(text: &str) -> String {
    let mut pattern = String::with_capacity(4 * text.len());
    for character in text.chars() {
        let cases = cases(character);
        match cases.as_slice() {
            [only] if only.is_ascii() && !only.is_ascii_alphanumeric() => pattern.extend(['\\', *only]),
            [only] => pattern.push(*only),
            several => {
                pattern.push('[');
                pattern.extend(several);
                pattern.push(']');
            }
        }
    }
    pattern
}

/// Returns a character and its other cases, as far as these are single characters.
fn cases(character: char) -> Vec<char> {
    let upper = single(character.to_uppercase()).unwrap_or(character);
    let mut cases = vec![character, upper];
    cases.extend([character, upper].into_iter().filter_map(|it| single(it.to_lowercase())));
    cases.sort_unstable();
    cases.dedup();
    cases
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    characters.next().filter(|_| characters.next().is_none())
}
