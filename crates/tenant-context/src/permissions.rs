//! Things that a caller may be allowed to do.

use crate::words::text_enum;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        text_enum! {
            /// One thing that a caller may be allowed to do. Scopes of keys are these words too.
            Permission { $($(#[$doc])* $name = $text),+ }
        }

        /// Each permission as a type, so that a handler's signature says which one it needs.
        pub mod may {
            $($(#[$doc])* #[derive(Clone, Copy, Debug)] pub struct $name;
            impl super::Need for $name {
                const PERMISSION: super::Permission = super::Permission::$name;
            })+
        }
    };
}

/// A permission as a type.
pub trait Need: 'static {
    /// The permission.
    const PERMISSION: Permission;
}

permissions! {
    /// Read products and all that belongs to them.
    ProductRead = "product:read",
    /// Draft and change products, variants and media.
    ProductWrite = "product:write",
    /// Write values of sections of products; which sections, the permissions of the sections say.
    ProductSectionWrite = "product_section:write",
    /// Approve or reject sections of products; which sections, the permissions of the sections say.
    ProductSectionApprove = "product_section:approve",
    /// Write the marketing section.
    ProductMarketingWrite = "product_marketing:write",
    /// Write the legal section.
    ProductLegalWrite = "product_legal:write",
    /// Write the finance section.
    ProductFinanceWrite = "product_finance:write",
    /// Write the sales operations section.
    ProductSalesopsWrite = "product_salesops:write",
    /// Write the contracts section.
    ProductContractsWrite = "product_contracts:write",
    /// Approve the marketing section.
    ProductMarketingApprove = "product_marketing:approve",
    /// Approve the legal section.
    ProductLegalApprove = "product_legal:approve",
    /// Approve the finance section.
    ProductFinanceApprove = "product_finance:approve",
    /// Approve the sales operations section.
    ProductSalesopsApprove = "product_salesops:approve",
    /// Approve the contracts section.
    ProductContractsApprove = "product_contracts:approve",
    /// Launch, suspend, resume and archive products.
    ProductLaunch = "product:launch",
    /// Import files of products.
    ProductImport = "product:import",
    /// Export all products.
    ProductExport = "product:export",
    /// Change the tree of categories.
    CategoryWrite = "category:write",
    /// Define attributes.
    AttributeWrite = "attribute:write",
    /// Read prices, catalogs, promotions and taxes, and have prices explained.
    PriceRead = "price:read",
    /// Draft and end prices.
    PriceWrite = "price:write",
    /// Approve prices.
    PriceApprove = "price:approve",
    /// Write catalogs; those of which regions, the permissions of the regions say.
    CatalogWrite = "catalog:write",
    /// Write catalogs of North America.
    CatalogAmerWrite = "catalog_amer:write",
    /// Write catalogs of Europe, the Middle East and Africa.
    CatalogEmeaWrite = "catalog_emea:write",
    /// Write catalogs of Asia and the Pacific.
    CatalogApacWrite = "catalog_apac:write",
    /// Write catalogs of Latin America.
    CatalogLatamWrite = "catalog_latam:write",
    /// Write catalogs of no one region, rules of assignment, and the names of channels, segments and locales.
    MarketWrite = "market:write",
    /// Write promotions.
    PromotionWrite = "promotion:write",
    /// Write rates of tax and exchange.
    TaxRateWrite = "tax_rate:write",
    /// Have baskets priced.
    QuoteWrite = "quote:write",
    /// Hold promotions for checkouts, and settle what is held.
    RedemptionWrite = "redemption:write",
    /// Visit a shop: say who one is, and prove it.
    StorefrontWrite = "storefront:write",
    /// Read customers and companies.
    CustomerRead = "customer:read",
    /// Write customers, their addresses and consents.
    CustomerWrite = "customer:write",
    /// Export all that is known of a customer, and erase it.
    CustomerErase = "customer:erase",
    /// Write companies, their members and limits.
    CompanyWrite = "company:write",
    /// Use companies' credit for checkouts, and ask for approvals.
    CreditWrite = "credit:write",
    /// Read warehouses, stock and its moves.
    StockRead = "stock:read",
    /// Write warehouses, and move stock.
    StockWrite = "stock:write",
    /// Reserve stock for checkouts, and settle what is reserved.
    ReservationWrite = "reservation:write",
    /// Read suppliers, what is ordered from them, and what has come.
    PurchaseRead = "purchase:read",
    /// Write suppliers, and order from them.
    PurchaseWrite = "purchase:write",
    /// Approve what is ordered from suppliers, and agree to other prices.
    PurchaseApprove = "purchase:approve",
    /// Read invoices and credit notes.
    InvoiceRead = "invoice:read",
    /// Draft and issue invoices, note payments, write credit notes.
    InvoiceWrite = "invoice:write",
    /// Read the books.
    LedgerRead = "ledger:read",
    /// Post into the books by hand, and close months.
    LedgerWrite = "ledger:write",
    /// Say how a shop sends goods.
    ShopWrite = "shop:write",
    /// Read carts and checkouts.
    CartRead = "cart:read",
    /// Read orders, and what became of them.
    OrderRead = "order:read",
    /// Draft orders and place them.
    OrderPlace = "order:place",
    /// Hold, release and cancel orders.
    OrderWrite = "order:write",
    /// Accept and ship what was ordered.
    FulfilmentWrite = "fulfilment:write",
    /// Note what was paid, give money back, and name accounts of payment providers.
    PaymentWrite = "payment:write",
    /// Read the own tenant.
    TenantRead = "tenant:read",
    /// Change the own tenant's name, settings and subdomain.
    TenantWrite = "tenant:write",
    /// Read members and invitations.
    MemberRead = "member:read",
    /// Invite, suspend and remove members, give and take roles.
    MemberWrite = "member:write",
    /// Read what is known of API keys; never the keys.
    KeyRead = "key:read",
    /// Make, rotate and revoke API keys.
    KeyWrite = "key:write",
    /// Read where the tenant's own systems are told what happens, and what they were told.
    WebhookRead = "webhook:read",
    /// Say where the tenant's own systems are told what happens, and read what that is signed with.
    WebhookWrite = "webhook:write",
    /// Read the audit trail and the grants of the platform's staff.
    AuditRead = "audit:read",
    /// Read the storefront: all that an anonymous shopper may.
    StorefrontRead = "storefront:read",
    /// Read all tenants.
    PlatformTenantRead = "platform_tenant:read",
    /// Make, suspend, resume, close and purge tenants.
    PlatformTenantWrite = "platform_tenant:write",
    /// Open a grant to act inside a tenant, for a reason and a time.
    PlatformGrantWrite = "platform_grant:write",
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u128);

impl PermissionSet {
    /// No permission.
    pub const NONE: Self = Self(0);

    /// Whether it holds `permission`.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// Returns what both hold.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns what either holds.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns its permissions.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        let all = Permission::ALL.iter().copied();
        all.filter(move |permission| self.contains(*permission))
    }

    /// Returns what of it only reads.
    #[must_use]
    pub fn reading(self) -> Self {
        let reads = |permission: &Permission| permission.as_str().ends_with(":read");
        self.iter().filter(reads).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let bits = permissions.into_iter().map(bit);
        Self(bits.fold(0, |set, bit| set | bit))
    }
}

const fn bit(permission: Permission) -> u128 {
    1 << permission as u32
}
