"""The user study: exported as questions for people, and analysed from their votes."""
