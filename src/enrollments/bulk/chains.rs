//! Which requests must not run beside each other.

use std::collections::HashMap;

use crate::enrollments::CreatePartnerRequest;

/// Who a request is about: two that share either are not independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Who<'a> {
    email: &'a str,
    tenant_id: Option<&'a str>,
}

impl<'a> From<&'a CreatePartnerRequest> for Who<'a> {
    fn from(request: &'a CreatePartnerRequest) -> Self {
        let partner = &request.partner;
        let tenant_id = partner.any_tenant_id().map(crate::partners::TenantId::as_str);
        Self { email: partner.profile.email.normalized(), tenant_id }
    }
}

/// For each request the number of its chain. Requests of different chains share no e-mail and no tenant id, also not
/// by way of others: the second of `(e1, t1)`, `(e1, t2)`, `(e2, t1)` frees what the third one asks for.
pub(super) fn chains(requests: &[(usize, CreatePartnerRequest)]) -> Vec<usize> {
    link(&requests.iter().map(|(_, request)| Who::from(request)).collect::<Vec<_>>())
}

fn link(requests: &[Who<'_>]) -> Vec<usize> {
    let mut parents: Vec<usize> = (0..requests.len()).collect();
    let (mut by_email, mut by_tenant) = (HashMap::new(), HashMap::new());
    for (number, who) in requests.iter().enumerate() {
        join(&mut parents, number, *by_email.entry(who.email).or_insert(number));
        if let Some(tenant_id) = who.tenant_id {
            join(&mut parents, number, *by_tenant.entry(tenant_id).or_insert(number));
        }
    }
    (0..requests.len()).map(|number| root(&mut parents, number)).collect()
}

/// A union-find forest; a chain is named by its first request.
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

    /// The chains of requests with these e-mails and tenant ids; an empty one is none.
    fn linked(requests: &[(&str, &str)]) -> Vec<usize> {
        let who = |&(email, tenant_id)| Who { email, tenant_id: Some(tenant_id).filter(|id: &&str| !id.is_empty()) };
        link(&requests.iter().map(who).collect::<Vec<_>>())
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
    fn a_chain_goes_over_any_number_of_requests() {
        assert_eq!(linked(&[("a", "1"), ("a", "2"), ("b", "1")]), [0, 0, 0]);
        assert_eq!(
            linked(&[("a", "1"), ("b", "2"), ("c", "3"), ("b", "1"), ("c", "2"), ("d", "4")]),
            [0, 0, 0, 0, 0, 5]
        );
    }
}
