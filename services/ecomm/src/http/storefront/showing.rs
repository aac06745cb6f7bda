//! Asking whoever knows of products, prices and stock, and putting that together.

use std::collections::BTreeMap;

use averis_contracts::client::Correlation;
use averis_contracts::pricing::{UnitPrice, UnitPrices, Viewer};
use averis_contracts::product::{StagedProduct, StagedVariant};
use averis_service_kit::Tenant;
use averis_service_kit::forms::{fold, is_code, is_country};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::reply::Reply;
use averis_service_kit::request;
use averis_tenant_context::{TenantContext, may};
use futures_util::future::{join, try_join, try_join_all};
use uuid::Uuid;

use super::{ProductPage, ShownTo, Stock, StorefrontProduct, StorefrontVariant};
use crate::State;
use crate::asking::{available, questions, signed_in, told};
use crate::error::EcommError;

/// From how many pieces on nobody has to hurry.
const PLENTY: i64 = 6;

/// What is needed to show something.
pub struct Shop<'a> {
    pub state: &'a State,
    pub tenant: &'a TenantContext,
    session: Uuid,
    pub correlation: Correlation,
}

impl<'a> Shop<'a> {
    pub fn new(tenant: &'a Tenant<may::StorefrontRead>, state: &'a State) -> Self {
        Self {
            state,
            tenant: &tenant.context,
            session: tenant.caller.identity.subject,
            correlation: request::correlation(),
        }
    }

    /// Learns who looks.
    pub async fn viewer(&self, to: ShownTo) -> Result<Viewer, Problem> {
        if !is_country(&to.country) {
            let problem = FieldProblem::new("/country", "form", "must be of ISO 3166-1 alpha-2");
            return Err(EcommError::from(problem).into());
        }
        if !to.channel.as_deref().is_none_or(is_code) {
            let problem = FieldProblem::new("/channel", "form", "must be a channel's code");
            return Err(EcommError::from(problem).into());
        }
        let buyer = signed_in(
            self.state,
            self.tenant,
            self.session,
            to.company_id,
            &self.correlation,
        );
        let buyer = buyer.await?;
        Ok(Viewer {
            country: to.country,
            segment: buyer.segment,
            channel: to.channel,
            company_id: to.company_id,
            customer_id: buyer.customer_id,
        })
    }

    /// Shows one product with all of its variants.
    pub async fn page(&self, which: &str, to: ShownTo) -> ApiResult<Reply> {
        let product = async {
            let products = &self.state.calls.product;
            let found = products.staged_product(&self.tenant.key, which, &self.correlation);
            found.await.map_err(told)
        };
        let (viewer, product) = try_join(self.viewer(to), product).await?;
        let product = product.ok_or_else(Problem::not_found)?;
        let (mut shown, terms) = self
            .shown(vec![product], &viewer, (usize::MAX, usize::MAX))
            .await?;
        let (Some(product), Some(terms)) = (shown.pop(), terms) else {
            return Err(Problem::not_found());
        };
        Ok(Reply::ok(&ProductPage {
            product,
            locale: terms.locale,
            tax_included: terms.tax_included,
        }))
    }

    /// Shows products with those of their variants that are sold to somebody: of so many each no more than so many.
    pub async fn shown(
        &self,
        products: Vec<StagedProduct>,
        viewer: &Viewer,
        (looked_at, most): (usize, usize),
    ) -> Result<(Vec<StorefrontProduct>, Option<UnitPrices>), Problem> {
        let skus: Vec<&str> = products
            .iter()
            .flat_map(|product| product.variants.iter().take(looked_at))
            .map(|variant| variant.sku.as_str())
            .collect();
        if skus.is_empty() {
            return Ok((Vec::new(), None));
        }
        let (prices, stock) = join(self.prices(viewer, &skus), self.stock(&skus)).await;
        let Some(terms) = prices? else {
            return Ok((Vec::new(), None));
        };
        let prices: BTreeMap<String, &UnitPrice> = terms
            .data
            .iter()
            .map(|price| (fold(&price.sku), price))
            .collect();
        let shown = products.into_iter().filter_map(|product| {
            // As checkouts have it: only what is physical has an end.
            let has_end = product.kind == "physical";
            let own = product.variants.iter().take(looked_at);
            let mut own: Vec<StorefrontVariant> = own
                .filter_map(|variant| {
                    let price = prices.get(&fold(&variant.sku))?;
                    let available = stock.as_ref().map(|stock| {
                        let known = stock.get(&fold(&variant.sku));
                        known.copied().unwrap_or_default()
                    });
                    Some(variant_view(variant, price, has_end, available))
                })
                .collect();
            let more_variants = own.len() > most || product.variants.len() > looked_at;
            own.truncate(most);
            (!own.is_empty()).then(|| view(product, own, more_variants))
        });
        Ok((shown.collect(), Some(terms)))
    }

    /// Asks what pieces cost. None says that nothing is sold to the viewer.
    async fn prices(&self, viewer: &Viewer, skus: &[&str]) -> Result<Option<UnitPrices>, Problem> {
        let pricing = &self.state.calls.pricing;
        let asked = questions(skus)
            .into_iter()
            .map(|some| pricing.unit_prices(&self.tenant.key, viewer, some, &self.correlation));
        let found = match try_join_all(asked).await {
            Err(error) if error.code() == Some("no_catalog") => return Ok(None),
            found => found.map_err(told)?,
        };
        let mut all = found.into_iter();
        let Some(mut first) = all.next() else {
            return Ok(None);
        };
        first.data.extend(all.flat_map(|prices| prices.data));
        Ok(Some(first))
    }

    /// Asks what is there. None says that nobody can tell: that is no stock, and no lack of it.
    async fn stock(&self, skus: &[&str]) -> Option<BTreeMap<String, i64>> {
        match available(self.state, self.tenant, skus, &self.correlation).await {
            Ok(stock) => Some(stock),
            Err(error) => {
                tracing::warn!(error = %error, "a shop shows its goods without their stock");
                None
            }
        }
    }
}

fn variant_view(
    variant: &StagedVariant,
    price: &UnitPrice,
    has_end: bool,
    available: Option<i64>,
) -> StorefrontVariant {
    let stock = match available {
        _ if !has_end => Stock::Unlimited,
        None => Stock::Unknown,
        Some(PLENTY..) => Stock::Plenty,
        Some(1..) => Stock::Low,
        Some(_) => Stock::Out,
    };
    StorefrontVariant {
        id: variant.id,
        sku: variant.sku.clone(),
        option_values: variant.option_values.clone(),
        image_url: variant.image_url.clone(),
        price: price.amount,
        per_quantity: price.per_quantity,
        list_price: price.list,
        stock,
        left: available.filter(|_| stock == Stock::Low),
    }
}

fn view(
    product: StagedProduct,
    variants: Vec<StorefrontVariant>,
    more_variants: bool,
) -> StorefrontProduct {
    StorefrontProduct {
        id: product.id,
        key: product.key,
        kind: product.kind,
        name: product.name,
        description: product.description,
        vendor: product.vendor,
        product_type: product.product_type,
        tags: product.tags,
        options: product.options,
        category_ids: product.category_ids,
        attributes: product.attributes,
        media: product.media,
        variants,
        more_variants,
    }
}
