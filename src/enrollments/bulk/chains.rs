//! Chains of requests that must not run concurrently.

use std::collections::HashMap;

use crate::enrollments::CreatePartnerRequest;

/// The identity of a request. Two requests that share either member depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RequestIdentity<'a> {
    email: &'a str,
    tenant_id: Option<&'a str>,
}

impl<'a> From<&'a CreatePartnerRequest> for RequestIdentity<'a> {
    fn from(request: &'a CreatePartnerRequest) -> Self {
        let partner = &request.partner;
        let tenant_id = partner.any_tenant_id().map(crate::partners::TenantId::as_str);
        Self { email: partner.profile.email.normalized(), tenant_id }
    }
}

/// Returns the number of the chain of each request. Requests of different chains share no e-mail address and no tenant
/// id, directly or through other requests: of `(e1, t1)`, `(e1, t2)`, `(e2, t1)`, the second request frees the tenant id
/// of the third.
pub(super) fn chains(requests: &[(usize, CreatePartnerRequest)]) -> Vec<usize> {
    link(&requests.iter().map(|(_, request)| RequestIdentity::from(request)).collect::<Vec<_>>())
}

fn link(requests: &[RequestIdentity<'_>]) -> Vec<usize> {
    let mut parents: Vec<usize> = (0..requests.len()).collect();
    let (mut by_email, mut by_tenant) = (HashMap::new(), HashMap::new());
    for (number, request) in requests.iter().enumerate() {
        join(&mut parents, number, *by_email.entry(request.email).or_insert(number));
        if let Some(tenant_id) = request.tenant_id {
            join(&mut parents, number, *by_tenant.entry(tenant_id).or_insert(number));
        }
    }
    (0..requests.len()).map(|number| root(&mut parents, number)).collect()
}

/// Joins two chains of a union-find forest. The number of a chain is the number of its first request.
fn join(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b)] = a.min(b);
}

fn root(parents: &mut [usize], mut number: usize) -> usize {
    while parents[number] != number {
        parents[number] = parents[parents[number]];
        number = parents[number];
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the chains of requests with these e-mail addresses and tenant ids. An empty tenant id means none.
    fn linked(requests: &[(&str, &str)]) -> Vec<usize> {
        let identity = |&(email, tenant_id)| RequestIdentity {
            email,
            tenant_id: Some(tenant_id).filter(|id: &&str| !id.is_empty()),
        };
        link(&requests.iter().map(identity).collect::<Vec<_>>())
    }

    #[test]
    fn requests_that_share_nothing_are_chains_of_their_own() {
        assert_eq!(linked(&[("a", "1"), ("b", "2"), ("c", ""), ("d", "")]), [0, 1, 2, 3]);
    }

    #[test]
    fn requests_that_share_an_email_or_a_tenant_id_are_one_chain() {
        assert_eq!(linked(&[("a", ""), ("b", ""), ("a", ""), ("b", "")]), [0, 1, 0, 1]);
        assert_eq!(linked(&[("a", "1"), ("b", "2"), ("c", "1"), ("d", "2")]), [0, 1, 0, 1]);
    }

    #[test]
    fn a_chain_has_any_number_of_requests() {
        assert_eq!(linked(&[("a", "1"), ("a", "2"), ("b", "1")]), [0, 0, 0]);
        assert_eq!(
            linked(&[("a", "1"), ("b", "2"), ("c", "3"), ("b", "1"), ("c", "2"), ("d", "4")]),
            [0, 0, 0, 0, 0, 5]
        );
    }
}
