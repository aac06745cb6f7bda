//! Random lives of memberships against a model of a few lines: nobody ever may what the model denies.

use averis_tenant_context::{Permission, TenantRole};
use averis_test_kit::{Answer, Client, Setup, TestPlatform, TestTenant};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::members::{accept, invite, member_path, word_of};
use crate::sign_in::{Account, PASSWORD, access, account, word};
use crate::tools::within;

const MEMBERS: &str = "/api/tenant/v1/members";
const TOKENS: &str = "/api/tenant/v1/tokens";
const TENANTS: usize = 2;
const PEOPLE: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Invite,
    Accept,
    Change,
    Suspend,
    Resume,
    Remove,
}

/// Somebody does something to somebody's membership.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// One of the people, or an admin from outside who is in no list.
    by: Option<usize>,
    verb: Verb,
    tenant: usize,
    person: usize,
    role: Option<TenantRole>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Invited,
    Active,
    Suspended,
}

/// What the model knows of a membership.
type Membership = Option<(Status, Option<TenantRole>)>;

#[derive(Clone, Debug, Default)]
struct Model([[Membership; PEOPLE]; TENANTS]);

impl Model {
    /// The role with which somebody may act in a tenant; `Err` for one who does not get in.
    fn role(&self, tenant: usize, by: Option<usize>) -> Result<Option<TenantRole>, ()> {
        match by {
            None => Ok(Some(TenantRole::TenantAdmin)),
            Some(person) => match self.0[tenant][person] {
                Some((Status::Active, role)) => Ok(role),
                _ => Err(()),
            },
        }
    }

    fn is_last_admin(&self, tenant: usize, person: usize) -> bool {
        let is_admin = |membership: &Membership| {
            *membership == Some((Status::Active, Some(TenantRole::TenantAdmin)))
        };
        is_admin(&self.0[tenant][person])
            && self.0[tenant].iter().filter(|one| is_admin(one)).count() == 1
    }

    /// Says what becomes of a step: the membership after it, or the code of the refusal.
    fn decide(&self, step: &Step) -> Result<Membership, &'static str> {
        let Step {
            by,
            verb,
            tenant,
            person,
            role,
        } = *step;
        let before = self.0[tenant][person];
        if verb == Verb::Accept {
            return match before {
                Some((Status::Invited, role)) => Ok(Some((Status::Active, role))),
                _ => Err("invitation_refused"),
            };
        }
        let own = self.role(tenant, by).map_err(|()| "no access")?;
        let may = |permission| own.is_some_and(|role| role.permissions().contains(permission));
        if !may(Permission::MemberWrite) {
            return Err("forbidden");
        }
        let guarded = |role: Option<TenantRole>| role.is_some_and(TenantRole::is_guarded);
        let may_guarded = may(Permission::TenantWrite);
        if verb == Verb::Invite {
            return match before {
                _ if guarded(role) && !may_guarded => Err("forbidden"),
                None => Ok(Some((Status::Invited, role))),
                Some(_) => Err("member_exists"),
            };
        }
        let Some((status, had)) = before else {
            return Err("not_found");
        };
        if by == Some(person) {
            return Err("own_membership");
        }
        match (verb, status) {
            (Verb::Suspend, Status::Active) | (Verb::Resume, Status::Suspended) => {}
            (Verb::Suspend | Verb::Resume, _) => return Err("invalid_transition"),
            _ => {}
        }
        let concerned = guarded(had) || (verb == Verb::Change && guarded(role));
        if concerned && !may_guarded {
            return Err("forbidden");
        }
        let loses = match verb {
            Verb::Suspend | Verb::Remove => true,
            Verb::Change => role != Some(TenantRole::TenantAdmin),
            _ => false,
        };
        if loses && self.is_last_admin(tenant, person) {
            return Err("last_admin");
        }
        Ok(match verb {
            Verb::Change => Some((status, role)),
            Verb::Suspend => Some((Status::Suspended, had)),
            Verb::Resume => Some((Status::Active, had)),
            _ => None,
        })
    }
}

/// The platform under test, with people who are signed in.
struct World {
    platform: TestPlatform,
    tenants: Vec<TestTenant>,
    people: Vec<Account>,
    refresh: Vec<String>,
    /// Access tokens that were good once, by tenant and person.
    held: Vec<(usize, usize, Client)>,
}

impl World {
    async fn new() -> Self {
        let platform = Setup::new().await.start(vec![]);
        let mut world = Self {
            tenants: vec![platform.tenant("one").await, platform.tenant("two").await],
            people: Vec::new(),
            refresh: Vec::new(),
            held: Vec::new(),
            platform,
        };
        for _ in 0..PEOPLE {
            let person = account(&world.platform, &[]).await;
            let signed_in = access(&world.platform, &person, None).await.expect(200);
            world
                .refresh
                .push(word(&signed_in, "refresh_token").to_owned());
            world.people.push(person);
        }
        world
    }

    /// Switches a person to a tenant.
    async fn enter(&mut self, tenant: usize, person: usize) -> Option<Client> {
        let own = &self.tenants[tenant];
        let body = json!({
            "grant_type": "refresh", "refresh_token": self.refresh[person], "tenant": own.key
        });
        let answer = self.platform.client.anonymous().post(TOKENS, &body).await;
        if answer.status != 200 {
            answer.expect_problem(403, "not_a_member");
            return None;
        }
        self.refresh[person] = word(&answer, "refresh_token").to_owned();
        Some(own.client.with_token(word(&answer, "access_token")))
    }

    async fn take(&mut self, step: &Step) -> Result<(), String> {
        let person = self.people[step.person].id.to_string();
        let email = self.people[step.person].email.clone();
        let outside = self.tenants[step.tenant].client.clone();
        if step.verb == Verb::Accept {
            // The last mail may be of the other tenant: only this one's word is meant.
            let of_this = format!("Tenant {}", self.tenants[step.tenant].key);
            let mails = self.platform.mails_to(&email);
            let mail = mails.iter().rev().find(|mail| mail.contains(&of_this));
            let word = mail.map_or("nobody's word".to_owned(), |mail| word_of(mail));
            return told(accept(&self.platform, &word, PASSWORD).await);
        }
        let by = match step.by {
            None => outside.clone(),
            Some(by) => match self.enter(step.tenant, by).await {
                Some(client) => client,
                None => return Err("no access".to_owned()),
            },
        };
        let roles: Vec<&str> = step.role.iter().map(|role| role.as_str()).collect();
        let seen = outside.get(&member_path(&person, "")).await;
        let version = if seen.status == 200 {
            seen.version()
        } else {
            1
        };
        let path = member_path(&person, "");
        told(match step.verb {
            Verb::Invite | Verb::Accept => invite(&by, &email, &roles).await,
            Verb::Change => by.patch(&path, version, &json!({"roles": roles})).await,
            Verb::Suspend => {
                by.command(&format!("{path}/suspend"), version, &json!({}))
                    .await
            }
            Verb::Resume => {
                by.command(&format!("{path}/resume"), version, &json!({}))
                    .await
            }
            Verb::Remove => by.delete(&path, version).await,
        })
    }

    /// Holds what everybody may against the model, with new tokens and with old ones.
    async fn check(&mut self, model: &Model, changed: Option<(usize, usize)>) {
        for (tenant, person, client) in std::mem::take(&mut self.held) {
            if changed == Some((tenant, person)) {
                let limit = std::time::Duration::from_secs(2);
                within(limit, "an old token stops", &mut async || {
                    client.get(MEMBERS).await.status == 401
                })
                .await;
            } else {
                agrees(model, tenant, person, &client).await;
                self.held.push((tenant, person, client));
            }
        }
        for tenant in 0..TENANTS {
            for person in 0..PEOPLE {
                let client = self.enter(tenant, person).await;
                let may = model.role(tenant, Some(person)).is_ok();
                assert_eq!(client.is_some(), may, "{tenant} {person} {model:?}");
                if let Some(client) = client {
                    agrees(model, tenant, person, &client).await;
                    self.held.push((tenant, person, client));
                }
            }
        }
        // The oldest have shown what they could.
        let surplus = self.held.len().saturating_sub(12);
        self.held.drain(..surplus);
    }
}

fn told(answer: Answer) -> Result<(), String> {
    if answer.status < 300 {
        return Ok(());
    }
    Err(answer.body["code"].as_str().expect("a code").to_owned())
}

async fn agrees(model: &Model, tenant: usize, person: usize, client: &Client) {
    let role = model.role(tenant, Some(person)).expect("a member");
    let reads = role.is_some_and(|role| role.permissions().contains(Permission::MemberRead));
    let answer = client.get(MEMBERS).await;
    let expected = if reads { 200 } else { 403 };
    assert_eq!(
        answer.status, expected,
        "{tenant} {person} {role:?} {}",
        answer.text
    );
    if reads {
        assert_ne!(answer.body["data"], Value::Null);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let verb = prop_oneof![
        4 => Just(Verb::Invite),
        4 => Just(Verb::Accept),
        2 => Just(Verb::Change),
        2 => Just(Verb::Suspend),
        2 => Just(Verb::Resume),
        1 => Just(Verb::Remove),
    ];
    let role = prop_oneof![
        Just(Some(TenantRole::TenantAdmin)),
        Just(Some(TenantRole::UserAdmin)),
        Just(Some(TenantRole::ProductView)),
        Just(None),
    ];
    let by = prop_oneof![3 => Just(None), 2 => (0..PEOPLE).prop_map(Some)];
    let step = (by, verb, 0..TENANTS, 0..PEOPLE, role);
    let step = step.prop_map(|(by, verb, tenant, person, role)| Step {
        by,
        verb,
        tenant,
        person,
        role,
    });
    vec(step, 20..30)
}

#[test]
fn no_sequence_lets_anybody_do_what_the_model_denies() {
    let config = ProptestConfig {
        cases: 6,
        // A case that fails is printed whole; to shrink it would ask the platform for minutes.
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in steps())| {
        actix_web::rt::System::new().block_on(async {
            let mut world = World::new().await;
            let mut model = Model::default();
            for step in &steps {
                let decided = model.decide(step);
                let done = world.take(step).await;
                let expected = decided.as_ref().map(|_| ()).map_err(|code| (*code).to_owned());
                assert_eq!(done, expected, "{step:?} {model:?}");
                let changed = match decided {
                    Ok(after) => {
                        model.0[step.tenant][step.person] = after;
                        Some((step.tenant, step.person))
                    }
                    Err(_) => None,
                };
                world.check(&model, changed).await;
            }
        });
    });
}
