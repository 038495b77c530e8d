//! "Did you mean": the one place that compares names.

/// The valid name nearest to `wrong`, if one is near enough to be worth offering: at most a third of its letters apart, or equal
/// but for case, `-` and `_`.
pub fn nearest<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |name: &str| name.to_lowercase().replace('_', "-");
    let folded = fold(wrong);
    let limit = (wrong.chars().count() / 3).max(1);
    valid
        .into_iter()
        .map(|name| (strsim::osa_distance(&folded, &fold(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn offers_only_what_is_near() {
        let valid = ["brain-api", "auth-service"];
        assert_eq!(nearest("brian-api", valid), Some("brain-api"));
        assert_eq!(nearest("Brain_API", valid), Some("brain-api"));
        assert_eq!(nearest("zzz", valid), None);
    }
}
