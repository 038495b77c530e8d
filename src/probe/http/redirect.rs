//! Where a redirect leads, and what goes along.

use super::target::{HttpRequest, target};
use url::Url;

/// Headers that describe a body, and are left out with it.
const OF_A_BODY: [&str; 3] = ["content-type", "content-encoding", "content-language"];

/// The request that follows an answer. `None` where the status asks for none, such as 304.
///
/// # Errors
/// Why an address cannot be followed, as the end of a sentence.
pub(super) fn next(request: &HttpRequest, status: u16, location: &str) -> Result<Option<HttpRequest>, &'static str> {
    let keeps_method = match status {
        301 | 302 => request.method != "POST",
        303 => request.method == "HEAD",
        307 | 308 => true,
        _ => return Ok(None),
    };
    let here = &request.target;
    let scheme = if here.tls { "https" } else { "http" };
    let base = Url::parse(&format!("{scheme}://{}{}", here.authority, here.path)).map_err(|_| "cannot be followed from here")?;
    let to = base.join(location).map_err(|_| "is no address")?;
    let to = target(to.as_str())?;
    let mut next = HttpRequest { target: to, ..request.clone() };
    if !keeps_method {
        "GET".clone_into(&mut next.method);
        next.body = Vec::new();
        next.headers.retain(|(name, _)| !OF_A_BODY.contains(&name.as_str()));
    }
    let there = &next.target;
    if (there.tls, &there.host, there.port) != (here.tls, &here.host, here.port) {
        // Whatever the plan sends is meant for the host that it names.
        next.headers.clear();
        next.body = Vec::new();
        if keeps_method && !matches!(next.method.as_str(), "GET" | "HEAD") {
            return Err("is another host, and a body is not taken there");
        }
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> HttpRequest {
        let mut request = HttpRequest::get(target("https://shop.example/a/b?c").unwrap());
        request.method = "POST".to_owned();
        request.body = b"x".to_vec();
        request.headers = vec![("authorization".into(), "Bearer t".into()), ("content-type".into(), "text/plain".into())];
        request
    }

    #[test]
    fn addresses_are_taken_from_where_the_answer_came_from() {
        let path = |location: &str| next(&post(), 307, location).unwrap().unwrap().target.path;
        assert_eq!(path("/x"), "/x");
        assert_eq!(path("x?y"), "/a/x?y");
        assert_eq!(path("?y"), "/a/b?y");
        assert_eq!(path("//shop.example:443/x#y"), "/x");
        for bad in ["ftp://shop.example/", "https://", "http://u:p@shop.example/", "https://shop.example:99999/"] {
            assert!(next(&post(), 307, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_post_becomes_a_get_where_browsers_make_it_one() {
        for (status, method, headers) in [(301, "GET", 1), (302, "GET", 1), (303, "GET", 1), (307, "POST", 2), (308, "POST", 2)] {
            let next = next(&post(), status, "/x").unwrap().unwrap();
            assert_eq!((next.method.as_str(), next.headers.len(), next.body.is_empty()), (method, headers, method == "GET"), "{status}");
        }
        assert_eq!(next(&post(), 304, "/x"), Ok(None));
    }

    #[test]
    fn nothing_of_the_plan_goes_to_another_host() {
        for elsewhere in ["http://shop.example/", "https://shop.example:8443/", "https://evil.example/"] {
            let followed = next(&post(), 302, elsewhere).unwrap().unwrap();
            assert_eq!((followed.headers.len(), followed.body.len()), (0, 0), "{elsewhere}");
            assert!(next(&post(), 308, elsewhere).is_err(), "{elsewhere}");
        }
    }
}
