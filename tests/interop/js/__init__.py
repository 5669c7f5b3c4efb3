"""A Matrix client, matrix-js-sdk, at homeservers with our handlers. The tests tell it what to do, see main.mjs."""
