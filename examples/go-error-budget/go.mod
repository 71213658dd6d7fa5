module error_budget

go 1.26

require spanmill.dev/sdk v0.0.0

replace spanmill.dev/sdk => ../../sdk/go
