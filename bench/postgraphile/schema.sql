-- The users of an organization as one would keep them in PostgreSQL: one row a user, names of licenses
-- in arrays so that one index answers "has license", and every assignment with its details.
--
-- The keys hold a text in the form in which texts are compared, so that both sides compare alike.

create extension pg_trgm;
create extension btree_gin;
create schema organization;

create table organization.users (
  object_id uuid not null,
  user_principal_name text not null,
  display_name text,
  mail text,
  employee_id text,
  employee_type text,
  job_title text,
  department text,
  company_name text,
  office_location text,
  country text,
  usage_location text,
  user_type text not null,
  is_resource_account boolean not null,
  account_enabled boolean not null,
  is_synced_from_on_premises boolean not null,
  created_at timestamptz,
  hired_on date,
  manager_id uuid,
  license_names text[] not null,
  license_values text[] not null,
  display_name_key text collate "C",
  user_principal_name_key text collate "C" not null
);

create table organization.assignments (
  user_id uuid not null,
  sku_id uuid not null,
  part_number text not null,
  state text not null,
  assigned_directly boolean not null,
  last_updated_at timestamptz
);
