//! Roles of people, and what each may do.
//!
//! Tenant roles keep the names that users of the platform before Averis know. Some have no permission yet: what they are
//! for is still to come, and until then they let nobody do anything.

use crate::permissions::{Permission, PermissionSet};
use crate::words::text_enum;

text_enum! {
    /// A role inside one tenant.
    TenantRole {
        /// Everything in the tenant.
        TenantAdmin = "tenant_admin",
        /// Members and their roles.
        UserAdmin = "user_admin",
        /// Dashboards and the audit trail.
        SystemMonitor = "system_monitor",
        /// Signed in, and no more.
        User = "user",
        /// Reads everything.
        ReadOnly = "read_only",
        /// Enters product master data.
        ProductMdm = "product_mdm",
        /// Reads products.
        ProductView = "product_view",
        /// Writes all of a product.
        ProductAdmin = "product_admin",
        /// Makes products and writes their marketing section.
        ProductMarketing = "product_marketing",
        /// Writes the legal section.
        ProductLegal = "product_legal",
        /// Writes the finance section.
        ProductFinance = "product_finance",
        /// Writes the sales operations section.
        ProductSalesops = "product_salesops",
        /// Writes the contracts section.
        ProductContracts = "product_contracts",
        /// Approves the marketing section.
        ProductMarketingApprove = "product_marketing_approve",
        /// Approves the legal section.
        ProductLegalApprove = "product_legal_approve",
        /// Approves the finance section.
        ProductFinanceApprove = "product_finance_approve",
        /// Approves the sales operations section.
        ProductSalesopsApprove = "product_salesops_approve",
        /// Approves the contracts section.
        ProductContractsApprove = "product_contracts_approve",
        /// Launches, suspends and archives products.
        ProductLaunch = "product_launch",
        /// Enters price master data.
        PricingMdm = "pricing_mdm",
        /// Reads and simulates prices.
        PricingAnalyst = "pricing_analyst",
        /// Writes prices.
        PricingManager = "pricing_manager",
        /// Approves prices.
        PricingApprove = "pricing_approve",
        /// Writes catalogs of every region.
        CatalogManager = "catalog_manager",
        /// Catalogs of North America.
        CatalogAmer = "catalog_amer",
        /// Catalogs of Europe, the Middle East and Africa.
        CatalogEmea = "catalog_emea",
        /// Catalogs of Asia and the Pacific.
        CatalogApac = "catalog_apac",
        /// Catalogs of Latin America.
        CatalogLatam = "catalog_latam",
        /// Runs the shop.
        EcommerceManager = "ecommerce_manager",
        /// Reads orders.
        OmsView = "oms_view",
        /// Works on orders.
        OmsUser = "oms_user",
        /// Everything about orders.
        OmsAdmin = "oms_admin",
        /// Works on stock and invoices.
        ErpUser = "erp_user",
        /// Everything about stock and invoices.
        ErpAdmin = "erp_admin",
        /// Reads stock.
        InventoryView = "inventory_view",
        /// Counts and moves stock.
        InventoryManager = "inventory_manager",
        /// Helps customers.
        CustomerService = "customer_service",
    }
}

text_enum! {
    /// A role on the platform, outside of any tenant.
    GlobalRole {
        /// Makes, changes and removes tenants.
        PlatformAdmin = "platform_admin",
        /// Looks after tenants, inside them only under a grant.
        PlatformSupport = "platform_support",
    }
}

impl TenantRole {
    /// Whether only a tenant's admin may give or take this role: with it one could take all others.
    #[must_use]
    pub const fn is_guarded(self) -> bool {
        matches!(self, Self::TenantAdmin | Self::UserAdmin)
    }

    /// Returns what the role may do in its tenant.
    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        allowed(|row| row.tenant.contains(&self))
    }
}

impl GlobalRole {
    /// Returns what the role may do on the platform.
    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        allowed(|row| row.global.contains(&self))
    }
}

fn allowed(holds: impl Fn(&Row) -> bool) -> PermissionSet {
    let rows = TABLE.iter().filter(|row| holds(row));
    rows.map(|row| row.permission).collect()
}

/// Who may do one thing.
struct Row {
    permission: Permission,
    tenant: &'static [TenantRole],
    global: &'static [GlobalRole],
}

/// Who may do what: the one table that decides.
#[rustfmt::skip]
const TABLE: &[Row] = {
    use GlobalRole::{PlatformAdmin, PlatformSupport};
    use Permission as P;
    use TenantRole::*;

    const fn may(permission: Permission, tenant: &'static [TenantRole]) -> Row {
        Row { permission, tenant, global: &[] }
    }
    const fn staff(permission: Permission, global: &'static [GlobalRole]) -> Row {
        Row { permission, tenant: &[], global }
    }

    &[
        may(P::ProductRead, &[
            TenantAdmin, ReadOnly, User, SystemMonitor, ProductMdm, ProductView, ProductAdmin, ProductMarketing,
            ProductLegal, ProductFinance, ProductSalesops, ProductContracts, ProductMarketingApprove,
            ProductLegalApprove, ProductFinanceApprove, ProductSalesopsApprove, ProductContractsApprove, ProductLaunch,
            PricingMdm, PricingAnalyst, PricingManager, PricingApprove, CatalogManager, CatalogAmer, CatalogEmea,
            CatalogApac, CatalogLatam, EcommerceManager, OmsView, OmsUser, OmsAdmin, ErpUser, ErpAdmin, InventoryView,
            InventoryManager, CustomerService,
        ]),
        may(P::ProductWrite,   &[TenantAdmin, ProductAdmin, ProductMarketing]),
        may(P::ProductSectionWrite, &[
            TenantAdmin, ProductAdmin, ProductMarketing, ProductLegal, ProductFinance, ProductSalesops, ProductContracts,
        ]),
        may(P::ProductMarketingWrite,   &[TenantAdmin, ProductAdmin, ProductMarketing]),
        may(P::ProductLegalWrite,       &[TenantAdmin, ProductAdmin, ProductLegal]),
        may(P::ProductFinanceWrite,     &[TenantAdmin, ProductAdmin, ProductFinance]),
        may(P::ProductSalesopsWrite,    &[TenantAdmin, ProductAdmin, ProductSalesops]),
        may(P::ProductContractsWrite,   &[TenantAdmin, ProductAdmin, ProductContracts]),
        may(P::ProductSectionApprove, &[
            TenantAdmin, ProductMarketingApprove, ProductLegalApprove, ProductFinanceApprove, ProductSalesopsApprove,
            ProductContractsApprove,
        ]),
        may(P::ProductMarketingApprove, &[TenantAdmin, ProductMarketingApprove]),
        may(P::ProductLegalApprove,     &[TenantAdmin, ProductLegalApprove]),
        may(P::ProductFinanceApprove,   &[TenantAdmin, ProductFinanceApprove]),
        may(P::ProductSalesopsApprove,  &[TenantAdmin, ProductSalesopsApprove]),
        may(P::ProductContractsApprove, &[TenantAdmin, ProductContractsApprove]),
        may(P::ProductLaunch,  &[TenantAdmin, ProductLaunch]),
        may(P::ProductImport,  &[TenantAdmin, ProductAdmin]),
        may(P::ProductExport,  &[TenantAdmin, ReadOnly, ProductAdmin, ProductMdm]),
        may(P::CategoryWrite,  &[TenantAdmin, ProductAdmin, ProductMdm]),
        may(P::AttributeWrite, &[TenantAdmin, ProductAdmin, ProductMdm]),

        may(P::PriceRead, &[
            TenantAdmin, ReadOnly, PricingMdm, PricingAnalyst, PricingManager, PricingApprove, CatalogManager,
            CatalogAmer, CatalogEmea, CatalogApac, CatalogLatam, EcommerceManager, OmsAdmin, CustomerService,
        ]),
        may(P::PriceWrite,        &[TenantAdmin, PricingManager]),
        may(P::PriceApprove,      &[TenantAdmin, PricingApprove]),
        may(P::CatalogWrite,      &[TenantAdmin, CatalogManager, CatalogAmer, CatalogEmea, CatalogApac, CatalogLatam]),
        may(P::CatalogAmerWrite,  &[TenantAdmin, CatalogManager, CatalogAmer]),
        may(P::CatalogEmeaWrite,  &[TenantAdmin, CatalogManager, CatalogEmea]),
        may(P::CatalogApacWrite,  &[TenantAdmin, CatalogManager, CatalogApac]),
        may(P::CatalogLatamWrite, &[TenantAdmin, CatalogManager, CatalogLatam]),
        may(P::MarketWrite,       &[TenantAdmin, CatalogManager]),
        may(P::PromotionWrite,    &[TenantAdmin, PricingManager, EcommerceManager]),
        may(P::TaxRateWrite,      &[TenantAdmin, PricingManager]),
        may(P::QuoteWrite, &[
            TenantAdmin, PricingAnalyst, PricingManager, EcommerceManager, CustomerService,
        ]),

        may(P::RedemptionWrite, &[TenantAdmin, EcommerceManager, OmsAdmin]),
        may(P::StorefrontWrite, &[TenantAdmin, EcommerceManager]),
        may(P::CustomerRead,    &[
            TenantAdmin, ReadOnly, UserAdmin, EcommerceManager, CustomerService, OmsView, OmsUser, OmsAdmin, ErpAdmin,
        ]),
        may(P::CustomerWrite,   &[TenantAdmin, UserAdmin, CustomerService, EcommerceManager]),
        may(P::CustomerErase,   &[TenantAdmin, UserAdmin]),
        may(P::CompanyWrite,    &[TenantAdmin, UserAdmin, CustomerService]),
        may(P::CreditWrite,     &[TenantAdmin, EcommerceManager, OmsAdmin]),
        may(P::StockRead, &[
            TenantAdmin, ReadOnly, EcommerceManager, OmsView, OmsUser, OmsAdmin, ErpUser, ErpAdmin, InventoryView,
            InventoryManager, CustomerService,
        ]),
        may(P::StockWrite,       &[TenantAdmin, ErpUser, ErpAdmin, InventoryManager]),
        may(P::ReservationWrite, &[TenantAdmin, EcommerceManager, OmsAdmin]),
        may(P::PurchaseRead,     &[TenantAdmin, ReadOnly, ErpUser, ErpAdmin, InventoryView, InventoryManager]),
        may(P::PurchaseWrite,    &[TenantAdmin, ErpUser, ErpAdmin, InventoryManager]),
        may(P::PurchaseApprove,  &[TenantAdmin, ErpAdmin]),
        may(P::InvoiceRead,      &[TenantAdmin, ReadOnly, OmsView, OmsUser, OmsAdmin, ErpUser, ErpAdmin, CustomerService]),
        may(P::InvoiceWrite,     &[TenantAdmin, ErpUser, ErpAdmin]),
        may(P::LedgerRead,       &[TenantAdmin, ReadOnly, ErpUser, ErpAdmin]),
        may(P::LedgerWrite,      &[TenantAdmin, ErpAdmin]),
        may(P::ShopWrite,        &[TenantAdmin, EcommerceManager]),
        may(P::CartRead,         &[TenantAdmin, ReadOnly, EcommerceManager, CustomerService, OmsAdmin]),
        may(P::OrderRead, &[
            TenantAdmin, ReadOnly, EcommerceManager, OmsView, OmsUser, OmsAdmin, ErpUser, ErpAdmin, InventoryManager,
            CustomerService,
        ]),
        may(P::OrderPlace,       &[TenantAdmin, OmsAdmin]),
        may(P::OrderWrite,       &[TenantAdmin, OmsUser, OmsAdmin, CustomerService]),
        may(P::FulfilmentWrite,  &[TenantAdmin, OmsUser, OmsAdmin, InventoryManager]),
        may(P::PaymentWrite,     &[TenantAdmin, OmsAdmin]),
        may(P::StorefrontRead, &[TenantAdmin, ReadOnly, User, EcommerceManager, CustomerService]),

        may(P::TenantRead,     &[TenantAdmin, ReadOnly, SystemMonitor, UserAdmin]),
        may(P::TenantWrite,    &[TenantAdmin]),
        may(P::MemberRead,     &[TenantAdmin, UserAdmin, ReadOnly]),
        may(P::MemberWrite,    &[TenantAdmin, UserAdmin]),
        may(P::KeyRead,        &[TenantAdmin, SystemMonitor]),
        may(P::KeyWrite,       &[TenantAdmin]),
        may(P::WebhookRead,    &[TenantAdmin, SystemMonitor]),
        may(P::WebhookWrite,   &[TenantAdmin]),
        may(P::AuditRead,      &[TenantAdmin, SystemMonitor]),

        staff(P::PlatformTenantRead,  &[PlatformAdmin, PlatformSupport]),
        staff(P::PlatformTenantWrite, &[PlatformAdmin]),
        staff(P::PlatformGrantWrite,  &[PlatformAdmin, PlatformSupport]),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_its_one_row() {
        for permission in Permission::ALL {
            let rows = TABLE
                .iter()
                .filter(|row| row.permission == *permission)
                .count();
            assert_eq!(rows, 1, "{permission}");
        }
    }

    #[test]
    fn a_tenants_admin_may_do_everything_in_the_tenant_and_nothing_on_the_platform() {
        let admin = TenantRole::TenantAdmin.permissions();
        for permission in Permission::ALL {
            let platform = permission.as_str().starts_with("platform_");
            assert_eq!(admin.contains(*permission), !platform, "{permission}");
        }
    }

    #[test]
    fn no_role_of_one_side_reaches_the_other() {
        for role in TenantRole::ALL {
            for permission in role.permissions().iter() {
                assert!(
                    !permission.as_str().starts_with("platform_"),
                    "{role} {permission}"
                );
            }
        }
        for role in GlobalRole::ALL {
            for permission in role.permissions().iter() {
                assert!(
                    permission.as_str().starts_with("platform_"),
                    "{role} {permission}"
                );
            }
        }
    }

    #[test]
    fn names_are_one_to_one() {
        let mut names: Vec<&str> = TenantRole::ALL.iter().map(|role| role.as_str()).collect();
        names.extend(GlobalRole::ALL.iter().map(|role| role.as_str()));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(
            "product_marketing_approve".parse(),
            Ok(TenantRole::ProductMarketingApprove)
        );
        assert!("admin".parse::<TenantRole>().is_err());
    }
}
