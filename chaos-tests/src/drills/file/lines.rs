//! Where in a file of ours a field stands: enough of YAML's layout for block lists and maps.

/// The line of a field, from 1; of the nearest part above it that is written when it is not; 0 for none.
/// A part of the path is a key, or a place in a list as `[0]`.
pub(super) fn line_of(text: &str, path: &[&str]) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let mut span = 0..lines.len();
    let mut found = 0;
    for part in path {
        let place = part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let next = match place.and_then(|place| place.parse::<usize>().ok()) {
            Some(place) => item(&lines, span, place),
            None => key(&lines, span, part),
        };
        let Some((line, inside)) = next else { break };
        (found, span) = (line + 1, inside);
    }
    found
}

type Found = (usize, std::ops::Range<usize>);

/// The key's line and the lines of its value.
fn key(lines: &[&str], span: std::ops::Range<usize>, name: &str) -> Option<Found> {
    let column = span.clone().filter_map(|line| column(lines[line])).min()?;
    let is_key = |line: &usize| {
        content(lines[*line]).is_some_and(|(at, text)| {
            at == column && text.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
        })
    };
    let line = span.clone().find(is_key)?;
    let ends = |line: &usize| content(lines[*line]).is_some_and(|(at, text)| at <= column && !is_item(text));
    let end = (line + 1..span.end).find(ends).unwrap_or(span.end);
    Some((line, line + 1..end))
}

/// The first line of a list's item and all of its lines.
fn item(lines: &[&str], span: std::ops::Range<usize>, place: usize) -> Option<Found> {
    let is_start = |line: &usize| {
        let text = lines[*line];
        is_item(text.trim_start()) && {
            let first = span.clone().find(|line| is_item(lines[*line].trim_start()));
            first.is_some_and(|first| indent(lines[first]) == indent(text))
        }
    };
    let starts: Vec<usize> = span.clone().filter(is_start).collect();
    let line = *starts.get(place)?;
    let end = starts.get(place + 1).copied().unwrap_or(span.end);
    Some((line, line..end))
}

fn is_item(text: &str) -> bool {
    text.starts_with("- ")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn column(line: &str) -> Option<usize> {
    content(line).map(|(at, _)| at)
}

/// Where a line's words begin, the dash of an item not counted.
fn content(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let inside = text.strip_prefix("- ").map_or(text, str::trim_start);
    Some((line.len() - inside.len(), inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_below_the_right_heading() {
        let text = "name: a\n# at: no\nload:\n  at: 1\nfaults:\n  - at: 2\n    for: 3\n  - fault: x\n    at: 4\nat: 5\n";
        assert_eq!(line_of(text, &["name"]), 1);
        assert_eq!(line_of(text, &["load", "at"]), 4);
        assert_eq!(line_of(text, &["faults", "[0]", "for"]), 7);
        assert_eq!(line_of(text, &["faults", "[1]", "at"]), 9);
        assert_eq!(line_of(text, &["faults", "[1]", "for"]), 8, "of the item, when the field is not written");
        assert_eq!(line_of(text, &["at"]), 10);
        assert_eq!(line_of(text, &["none"]), 0);
    }
}
