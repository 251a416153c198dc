/** The tabs that GraphiQL opens with. A browser that has tabs of its own keeps those. */

interface Sample {
  query: string;
  variables?: string;
}

export function samples(tenant: string | undefined): Sample[] {
  const variables = JSON.stringify({ tenant: tenant ?? "" }, null, 2);
  return [
    { query: SALES_WITH_E3 },
    { query: LICENSES },
    { query: DEPARTMENTS },
    { query: IDLE },
    { query: GROUPS },
    { query: TEAMS_OVER_TIME, variables: JSON.stringify(lastDays(28), null, 2) },
    { query: CAPABILITIES },
    { query: TENANTS },
    { query: START_SYNC, variables },
    { query: SYNC_PROGRESS, variables },
  ];
}

/** The days up to today, in UTC as the server counts them. */
function lastDays(count: number): { from: string; to: string } {
  const now = Date.now();
  const day = (instant: number) => new Date(instant).toISOString().slice(0, 10);
  return { from: day(now - (count - 1) * 86_400_000), to: day(now) };
}

const SALES_WITH_E3 = `# People of Sales who hold Microsoft 365 E3.
# Ctrl+Enter runs it, Ctrl+Space completes.
query SalesWithE3 {
  users(
    filter: {
      department: { eq: "Sales" }
      isResourceAccount: false
      licenseNames: {
        hasSome: ["Microsoft 365 E3"]
      }
      userType: { eq: MEMBER }
    }
    first: 50
  ) {
    totalCount
    nodes {
      displayName
      department
      licenseNames
      licenseValues
      userType
    }
  }
}
`;

const LICENSES = `# What the tenant holds and what of it is in use.
query Licenses {
  licenses(
    first: 50
    orderBy: [{ field: CONSUMED, direction: DESC }]
  ) {
    totalCount
    nodes {
      name
      value
      seats {
        enabled
        warning
        suspended
        lockedOut
        consumed
        available
      }
    }
  }
}
`;

const DEPARTMENTS = `# Members by department, largest first.
query Departments {
  users(
    filter: {
      userType: { eq: MEMBER }
      isResourceAccount: false
    }
  ) {
    totalCount
    breakdown(by: DEPARTMENT, first: 50) {
      label
      count
    }
  }
}
`;

const IDLE = `# Members who hold a license and are not in use,
# with what Microsoft's reports say of them.
query Idle {
  users(
    filter: {
      userType: { eq: MEMBER }
      licenseNames: { isEmpty: false }
      activityState: { in: [INACTIVE, NEVER_ACTIVE] }
    }
    orderBy: [{ field: LAST_ACTIVE_ON }]
    first: 20
  ) {
    totalCount
    nodes {
      displayName
      licenseNames
      lastActiveOn
      lastSignInAt
      activity(period: D90) {
        outlook {
          reportedOn
          lastActiveOn
          emailsSent
        }
        teams {
          lastActiveOn
          meetingsAttended
        }
      }
    }
  }
}
`;

const GROUPS = `# Groups that assign licenses, and who is in them.
query Groups {
  groups(filter: { assignsLicenses: true }) {
    totalCount
    nodes {
      displayName
      isDynamic
      assignsLicenses {
        name
      }
      members(first: 5) {
        totalCount
        nodes {
          displayName
          activityState
        }
      }
    }
  }
}
`;

const TEAMS_OVER_TIME = `# How many used Teams on each day, and how much.
# The days are set below, in Variables.
query TeamsOverTime($from: Date!, $to: Date!) {
  usage(workload: TEAMS, from: $from, to: $to) {
    on
    activeUsers
    metrics {
      name
      total
    }
  }
}
`;

const CAPABILITIES = `# What can be read of each tenant, how old it is,
# and what to do where it cannot.
query Capabilities {
  tenants {
    name
    signInsKnownSince
    capabilities {
      dataset
      state
      asOf
      remedy
    }
  }
}
`;

const TENANTS = `# Where each connection stands, and the latest syncs.
query Tenants {
  tenants {
    id
    name
    connection
    problem
    userCount
    dataAsOf
    nextSyncAt
  }
  syncRuns(first: 5) {
    nodes {
      tenant {
        name
      }
      trigger
      state
      startedAt
      finishedAt
      problem
      datasets {
        dataset
        state
        rows
        requests
        throttledRequests
      }
    }
  }
}
`;

const START_SYNC = `# Starts a sync now, or answers with the one that
# is running. "tenant" is set below, in Variables.
mutation StartSync($tenant: ID!) {
  startSync(tenant: $tenant) {
    id
    state
    startedAt
  }
}
`;

const SYNC_PROGRESS = `# A tenant's sync, now and at every change, until
# it ends. The tab "StartSync" starts one.
subscription SyncProgress($tenant: ID!) {
  syncProgress(tenant: $tenant) {
    state
    progress
    datasets {
      dataset
      state
      rows
    }
  }
}
`;
