//! The plan as a script for Microsoft Graph PowerShell.
//!
//! Whoever runs it signs in as themselves, and sees what it would do before anything is done. Names of
//! people and groups were chosen by people, some of them to break out of a script: commands take GUIDs
//! only, and names stand in quotes that nothing ends.

use std::fmt::Write as _;

use uuid::Uuid;

use super::{Act, Path, Step};

/// Whose seats they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// `organization.id`: the script signs in there and nowhere else.
    pub id: Uuid,
    /// `organization.displayName`.
    pub name: String,
    /// The day of the facts, as people read it: the seats may be used again since.
    pub as_of: String,
}

/// What comes before the steps.
const HEAD: &str = r#"#Requires -Version 5.1
#Requires -Modules Microsoft.Graph.Authentication, Microsoft.Graph.Users, Microsoft.Graph.Users.Actions, Microsoft.Graph.Groups

<#
.SYNOPSIS
Frees the seats that were found not to be needed.

.DESCRIPTION
Without -Apply nothing is changed: the script says what it would do.
Each seat is looked up again first. One that is held by another path than the plan says is left alone.
Taking a license away deletes its mailbox and files after Microsoft's time of grace. Holds and
retention are not known to the plan: ask whoever keeps them.
Leaving a group takes away whatever the group gives, not only licenses; that needs -LeaveGroups too.
What was done is written to a CSV file beside the script.
#>
[CmdletBinding()]
param(
    # Do it.
    [switch] $Apply,
    # Also take users out of groups that assign the license.
    [switch] $LeaveGroups
)

Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'
"#;

/// What comes behind the steps.
const TAIL: &str = r#"
$scopes = @('User.Read.All')
if ($Apply) { $scopes += 'LicenseAssignment.ReadWrite.All' }
if ($Apply -and $LeaveGroups) { $scopes += 'GroupMember.ReadWrite.All' }
Connect-MgGraph -TenantId $tenantId -Scopes $scopes -NoWelcome

$done = foreach ($step in $steps) {
    $result = 'nothing to do'
    try {
        $user = Get-MgUser -UserId $step.User -Property 'id,licenseAssignmentStates'
        $held = @($user.LicenseAssignmentStates | Where-Object { $_.SkuId -eq $step.License })
        $directly = @($held | Where-Object { -not $_.AssignedByGroup }).Count -gt 0
        $byGroups = @($held | Where-Object { $_.AssignedByGroup } | ForEach-Object { $_.AssignedByGroup } | Sort-Object -Unique)
        $expected = @($step.Groups | ForEach-Object { $_.Id } | Sort-Object -Unique)
        if ($held.Count -eq 0) {
            $result = 'gone already'
        } elseif ($step.CheckGroups -and (($byGroups -join ' ') -ne ($expected -join ' '))) {
            $result = 'left alone: other groups assign it now'
        } elseif ($step.Directly -ne $directly) {
            $result = 'left alone: it is assigned in another way now'
        } else {
            $did = @()
            $blocked = @($step.Groups | Where-Object { $_.Membership -ne 'assigned' })
            if ($step.Directly) {
                $add = @()
                if ($step.ReplacedBy) { $add = @(@{ SkuId = $step.ReplacedBy }) }
                if ($Apply) { Set-MgUserLicense -UserId $step.User -AddLicenses $add -RemoveLicenses @($step.License) | Out-Null }
                $did += 'license taken away'
                if ($step.ReplacedBy) { $did += 'smaller license assigned' }
            }
            if ($step.Groups.Count -gt 0) {
                if (-not $LeaveGroups) {
                    $did += 'still in groups that assign it (-LeaveGroups)'
                } elseif ($blocked.Count -gt 0) {
                    $did += 'still in groups whose members are not edited by hand'
                } else {
                    foreach ($group in $step.Groups) {
                        if ($Apply) { Remove-MgGroupMemberByRef -GroupId $group.Id -DirectoryObjectId $step.User }
                    }
                    $did += 'taken out of its groups'
                    if ($step.ReplacedBy -and -not $step.Directly) {
                        if ($Apply) { Set-MgUserLicense -UserId $step.User -AddLicenses @(@{ SkuId = $step.ReplacedBy }) -RemoveLicenses @() | Out-Null }
                        $did += 'smaller license assigned'
                    }
                }
            }
            $result = $did -join '; '
            if (-not $Apply) { $result = "would be: $result" }
        }
    } catch {
        $result = "failed: $($_.Exception.Message)"
    }
    Write-Host "$($step.Number) of $($steps.Count) $($step.Name), $($step.LicenseName): $result"
    [pscustomobject]@{ Number = $step.Number; User = $step.User; License = $step.License; Result = $result; At = (Get-Date).ToUniversalTime().ToString('o') }
}

$file = Join-Path $PSScriptRoot ("reclaimed-{0:yyyyMMdd-HHmmss}.csv" -f (Get-Date))
$done | Export-Csv -Path $file -NoTypeInformation -Encoding UTF8
Write-Host "Written down in $file"
if (-not $Apply) { Write-Host 'Nothing was changed. Run it with -Apply to do it.' }
Disconnect-MgGraph | Out-Null
"#;

/// The steps as a script; UTF-8, to be written with a byte order mark, without which PowerShell 5.1 takes
/// it for another encoding.
pub fn script(tenant: &Tenant, steps: &[Step]) -> String {
    let mut text = HEAD.to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "\n# {}, as of {}",
        plain(&tenant.name),
        plain(&tenant.as_of)
    );
    let _ = writeln!(text, "$tenantId = '{}'", tenant.id);
    text.push_str("$steps = @(\n");
    for (number, step) in (1..).zip(steps) {
        write_step(&mut text, number, step);
    }
    text.push_str(")\n");
    text.push_str(TAIL);
    text
}

fn write_step(text: &mut String, number: usize, step: &Step) {
    let _ = writeln!(text, "    # {}", plain(&step.summary));
    for (_, name) in step.act.takes_also() {
        let _ = writeln!(
            text,
            "    # Leaving the groups also takes away {}.",
            plain(name)
        );
    }
    let name = step
        .display_name
        .as_deref()
        .unwrap_or(&step.user_principal_name);
    let replaced_by = match &step.replaced_by {
        Some((id, _)) => format!("'{id}'"),
        None => "$null".to_owned(),
    };
    let _ = writeln!(
        text,
        "    [pscustomobject]@{{ Number = {number}; User = '{}'; Name = {}; License = '{}'; LicenseName = {}; \
         Directly = {}; CheckGroups = {}; ReplacedBy = {replaced_by}; Groups = @({}) }}",
        step.user,
        quoted(name),
        step.license,
        quoted(&step.license_name),
        truth(step.act.unassigns()),
        truth(!matches!(step.act, Act::UnassignTwin)),
        groups(&step.act),
    );
}

fn groups(act: &Act) -> String {
    let group = |path: &Path| {
        format!(
            "[pscustomobject]@{{ Id = '{}'; Name = {}; Membership = '{}' }}",
            path.group,
            quoted(path.name.as_deref().unwrap_or_default()),
            path.membership.name(),
        )
    };
    act.groups()
        .iter()
        .map(group)
        .collect::<Vec<_>>()
        .join(", ")
}

fn truth(value: bool) -> &'static str {
    if value { "$true" } else { "$false" }
}

/// A text in single quotes, in which PowerShell reads nothing but their end. It takes typographic quotes
/// for the same, so all five are doubled.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars().filter(|character| !character.is_control()) {
        if matches!(character, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

/// A text for a comment, which ends with its line.
fn plain(text: &str) -> String {
    let breaks =
        |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    text.chars()
        .map(|character| if breaks(character) { ' ' } else { character })
        .collect()
}
