module route_calls

go 1.26

require spanmill.dev/sdk v0.0.0

replace spanmill.dev/sdk => ./spanmill_sdk
