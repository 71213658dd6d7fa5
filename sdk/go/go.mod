module spanmill.dev/sdk

go 1.26
