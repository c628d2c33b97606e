/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is `{value}`; expected {expected}")]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its value, unless that is a secret.
    pub value: String,
    /// What it should be.
    pub expected: &'static str,
}

impl Setting {
    pub(crate) fn endpoint(value: &str, expected: &'static str) -> Self {
        Self { name: "endpoint", value: value.to_owned(), expected }
    }
}

/// An address that can be printed: `http` or `https`, without a name or password in it.
///
/// # Errors
///
/// [`Setting`] says what is wrong with it.
pub fn check_endpoint(endpoint: &str) -> Result<(), Setting> {
    let rest = ["http://", "https://"].iter().find_map(|start| endpoint.strip_prefix(start));
    let Some(rest) = rest else {
        return Err(Setting::endpoint(endpoint, "an address that starts with http:// or https://"));
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        let expected = "an address without name and password; set a key instead";
        return Err(Setting::endpoint("not shown", expected));
    }
    if host.is_empty() || endpoint.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let expected = "an address with a host, such as http://127.0.0.1:8000/v1";
        return Err(Setting::endpoint(endpoint, expected));
    }
    Ok(())
}
