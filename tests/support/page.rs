//! What every page and figure must be: XML that parses, and nothing that needs a network or a script.

/// Elements, attributes and entities as XML wants them, as far as figures and page use XML.
pub fn assert_well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        assert_text(before);
        let end = tag.find('>').unwrap();
        let inner = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.trim()), "near {inner:?}");
            continue;
        }
        let body = inner.strip_suffix('/').unwrap_or(inner);
        let name = body.split_whitespace().next().unwrap();
        let quotes = body.matches('"').count();
        assert_eq!(quotes, 2 * body.matches("=\"").count(), "attributes of {inner:?}");
        assert_text(&body.replace('"', ""));
        if !inner.ends_with('/') {
            open.push(name);
        }
    }
    assert_text(rest);
    assert!(open.is_empty(), "{open:?} stay open");
}

fn assert_text(text: &str) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    for (at, _) in text.match_indices('&') {
        let entity = text[at..].split_inclusive(';').next().unwrap();
        assert!(["&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#39;"].contains(&entity), "{entity:?}");
    }
}

/// A page that refers to nothing outside its own file and runs nothing.
pub fn assert_needs_nothing(page: &str) {
    let without_names = page.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "<link", "<img"] {
        assert!(!without_names.contains(outside), "the page holds {outside:?}");
    }
}
