//! Figures of a page of metrics.

/// The values of one name, summed over all its labels; `None` without any.
pub(super) fn value(page: &str, name: &str) -> Option<f64> {
    let of = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let is_it = rest.starts_with('{') || rest.starts_with(' ');
        is_it.then(|| rest.rsplit_once(' ').and_then(|(_, value)| value.parse::<f64>().ok())).flatten()
    };
    page.lines().filter_map(of).fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

/// The same, of those series alone that have a label.
pub(super) fn labelled(page: &str, name: &str, label: &str) -> Option<f64> {
    let lines: Vec<&str> =
        page.lines().filter(|line| line.starts_with(name) && line.contains(label)).collect();
    value(&lines.join("\n"), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_summed_over_its_labels_and_is_not_the_beginning_of_another() {
        let page = "# TYPE a gauge\na{queue=\"x\"} 2\na{queue=\"y\"} 0.5\na_b{queue=\"x\"} 7\nc 4\n";
        assert_eq!((value(page, "a"), value(page, "c"), value(page, "d")), (Some(2.5), Some(4.0), None));
        assert_eq!(labelled(page, "a", "queue=\"y\""), Some(0.5));
    }
}
