-- What an expert would index for these queries.

alter table organization.users add primary key (object_id);
alter table organization.users add unique (user_principal_name_key);
alter table organization.assignments add primary key (user_id, sku_id);
create index on organization.assignments (sku_id);

-- Every column that is filtered by.
create index on organization.users (user_type);
create index on organization.users (is_resource_account);
create index on organization.users (account_enabled);
create index on organization.users (is_synced_from_on_premises);
create index on organization.users (job_title);
create index on organization.users (company_name);
create index on organization.users (office_location);
create index on organization.users (country);
create index on organization.users (usage_location);
create index on organization.users (employee_type);
create index on organization.users (created_at);

-- Pages of a department, by id and in the orders that are asked for.
create index on organization.users (department, object_id);
create index on organization.users (department, display_name_key, object_id);
create index on organization.users (department, user_principal_name_key);
create index on organization.users (display_name_key, object_id);

-- Licenses, alone and within a department; names by what they contain.
create index on organization.users using gin (license_names);
create index on organization.users using gin (department, license_names);
create index on organization.users using gin (display_name_key gin_trgm_ops);

vacuum analyze organization.users;
vacuum analyze organization.assignments;
