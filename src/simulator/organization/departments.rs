//! Departments, the largest first, and what people do in them.

/// A department.
#[derive(Debug)]
pub(crate) struct Department {
    /// `department`.
    pub(crate) name: &'static str,
    /// People in it, of a thousand.
    pub(crate) share: u64,
    /// `jobTitle` of those who lead nobody.
    pub(crate) titles: &'static [&'static str],
    /// What kind of work it is, which decides the licenses.
    pub(crate) work: Work,
}

/// Kinds of work that need different licenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// At a desk, with people.
    Desk,
    /// On the shop floor, in a store or on the road.
    Frontline,
    /// With figures.
    Figures,
    /// With software and machines.
    Technical,
    /// With plans and drawings.
    Projects,
}

const fn department(
    name: &'static str,
    share: u64,
    work: Work,
    titles: &'static [&'static str],
) -> Department {
    Department {
        name,
        share,
        titles,
        work,
    }
}

/// All departments; the shares fall like 1/rank and sum to a thousand.
#[rustfmt::skip] // One line a department.
pub(crate) const DEPARTMENTS: [Department; 24] = [
    department("Sales", 218, Work::Desk, &["Account Executive", "Account Manager", "Sales Representative", "Inside Sales Specialist", "Sales Engineer"]),
    department("Engineering", 130, Work::Technical, &["Software Engineer", "Hardware Engineer", "Site Reliability Engineer", "Test Engineer", "Software Architect"]),
    department("Manufacturing", 96, Work::Frontline, &["Machine Operator", "Assembly Technician", "Shift Lead", "Maintenance Technician"]),
    department("Support", 74, Work::Desk, &["Support Engineer", "Support Specialist", "Escalation Engineer"]),
    department("Operations", 60, Work::Projects, &["Operations Analyst", "Process Specialist", "Operations Coordinator"]),
    department("Retail", 52, Work::Frontline, &["Store Associate", "Cashier", "Visual Merchandiser", "Stock Associate"]),
    department("Marketing", 45, Work::Desk, &["Marketing Specialist", "Content Designer", "Brand Strategist", "Event Planner"]),
    department("Finance", 40, Work::Figures, &["Accountant", "Financial Analyst", "Controller", "Payroll Specialist"]),
    department("Information Technology", 36, Work::Technical, &["System Administrator", "Network Engineer", "Service Desk Analyst", "Identity Engineer"]),
    department("Logistics", 32, Work::Frontline, &["Warehouse Worker", "Dispatcher", "Forklift Operator", "Driver"]),
    department("Human Resources", 29, Work::Desk, &["HR Business Partner", "Recruiter", "Compensation Analyst", "Talent Specialist"]),
    department("Product Management", 26, Work::Projects, &["Product Manager", "Product Owner", "Program Manager"]),
    department("Procurement", 23, Work::Figures, &["Buyer", "Category Specialist", "Supplier Analyst"]),
    department("Consulting", 21, Work::Projects, &["Consultant", "Solution Architect", "Engagement Specialist"]),
    department("Legal", 19, Work::Desk, &["Counsel", "Paralegal", "Contract Specialist"]),
    department("Quality", 17, Work::Frontline, &["Quality Inspector", "Quality Engineer", "Calibration Technician"]),
    department("Research & Development", 15, Work::Technical, &["Research Scientist", "Data Scientist", "Laboratory Technician"]),
    department("Facilities", 13, Work::Frontline, &["Facilities Technician", "Receptionist", "Workplace Coordinator"]),
    department("Security", 12, Work::Technical, &["Security Analyst", "Incident Responder", "Threat Hunter"]),
    department("Design", 11, Work::Projects, &["Industrial Designer", "UX Designer", "Interaction Designer"]),
    department("Business Intelligence", 10, Work::Figures, &["Data Analyst", "BI Developer", "Analytics Engineer"]),
    department("Training", 8, Work::Desk, &["Trainer", "Learning Designer"]),
    department("Communications", 7, Work::Desk, &["Press Officer", "Editor", "Translator"]),
    department("Executive Office", 6, Work::Desk, &["Executive Assistant", "Chief of Staff"]),
];

/// Where the chief executive sits in [`DEPARTMENTS`].
pub(crate) const EXECUTIVE_OFFICE: usize = 23;

/// The department that holds `per_mille` when all stand in line.
pub(crate) fn department_at(per_mille: u64) -> usize {
    let mut left = per_mille;
    for (position, department) in DEPARTMENTS.iter().enumerate() {
        if left < department.share {
            return position;
        }
        left -= department.share;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fall_and_sum_to_a_thousand() {
        let shares: Vec<u64> = DEPARTMENTS.iter().map(|d| d.share).collect();
        assert_eq!(shares.iter().sum::<u64>(), 1000);
        assert!(shares.is_sorted_by(|a, b| a >= b));
        assert_eq!(DEPARTMENTS[EXECUTIVE_OFFICE].name, "Executive Office");
    }

    #[test]
    fn each_share_leads_to_its_department() {
        let check = |per_mille, name| assert_eq!(DEPARTMENTS[department_at(per_mille)].name, name);
        check(0, "Sales");
        check(217, "Sales");
        check(218, "Engineering");
        check(999, "Executive Office");
        check(5000, "Sales");
    }
}
