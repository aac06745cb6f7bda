-- What a tenant has changed is its own, and what products have values of is needed.
DELETE FROM attribute_definitions AS definition
WHERE definition.version = 1
    AND definition.code IN ('long_description', 'web_display_flag', 'license_required_flag', 'ava_tax_code', 'base_price',
        'cost_price', 'seat_based_pricing_flag', 'available_flag', 'can_be_fulfilled_flag', 'manufacturer',
        'contract_item_flag')
    AND NOT EXISTS (SELECT FROM products WHERE products.attributes ? definition.code);
